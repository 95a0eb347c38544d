"""The comparison with other systems (bench/peers), small, and judged by everything but its speed.

What is not on a machine is skipped and has no verdict; a pair of runs has what a verdict needs; what
a tree of processes costs is counted, orphans included, and it ends as a whole; messages that are
looked at are found wrong when they are. The peers themselves are measured by `make bench-peers`.

usage: test_peers.py [MESSAGES]"""

import os
import pathlib
import sys
import time

import rig as r

sys.path[:0] = [str(r.ROOT / "bench"), str(r.ROOT / "bench" / "peers")]
import compare as bench  # noqa: E402
import measure  # noqa: E402
from tree import Tree  # noqa: E402

YARDSTICK = "build/release/bench/micro/bench_rsa"
BURNT = 0.3  # seconds of CPU
SEEN = BURNT - 2 * measure.TICK  # /proc leaves out what is less than a tick, of user and of system time
# An orphan: its parent ends at once, it uses so much and ends, and the program sleeps on.
ORPHAN = f"""
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < {BURNT}: pass
    os._exit(0)
os.wait()
time.sleep(600)
"""


def row(key, **changes):
    return next(row for row in bench.PLAN if row.key == key)._replace(**changes)


def absent(comparison, checks):
    """KumoMTA and listmonk as if they were not here."""
    bench.relays.KumoMta.program = "/nonexistent/kumod"
    os.environ["LISTMONK"] = "/nonexistent/listmonk"
    for key in ("kumomta", "kumomta-dkim", "listmonk"):
        own = r.Checks()
        measured = comparison.measure(row(key), own)
        checks.check(not measured and (own.passed, own.failed, own.skipped) == (0, 0, 1),
                     f"{key}: not here, so skipped, neither passed nor failed")
    checks.equal(comparison.results, [], "results of what is not here")


def looked_at(comparison, checks):
    """Signed messages are in order; one is not when a byte of its body is another."""
    mail = comparison.ours.rig.place / "looked-at.mail"
    comparison.ours.measure(20, True, 10, "--store", f"exact:{mail}")
    checks.equal(comparison.look_at(mail, True, True), [], "faults of 20 signed messages")
    checks.check(comparison.look_at(mail, False, True), "signed ones are none that should be bare")
    bytes_of = mail.read_bytes()
    at = bytes_of.rindex(b"roastery")
    mail.write_bytes(bytes_of[:at] + b"R" + bytes_of[at + 1:])
    checks.check(comparison.look_at(mail, True, True), "one byte of one body is another: a fault")


def roots_are_taken(comparison, checks):
    mine, other = comparison.roots["machine"], bench.Root("machine")
    checks.check(mine.taken() and not other.taken(), "a root is one run's at a time")


def tree(checks, grouped):
    log = r.ROOT / "build" / "live" / "peers" / "tree.log"
    one = Tree([sys.executable, "-c", ORPHAN], log, grouped)
    kind = "a control group's count" if one.group else "/proc"
    group = one.group
    try:
        r.wait_for(lambda: len(one.members()) == 2 and one.cpu() >= SEEN, 30)
        time.sleep(0.1)
        cpu, members = one.cpu(), one.members()
        checks.check(SEEN <= cpu < 3 * BURNT, f"by {kind} the tree and its orphan used {cpu:.2f} s "
                     f"of CPU, the orphan alone {BURNT}")
        checks.check(one.memory() > 1 << 20, "its memory is told")
    finally:
        one.end()
    checks.check(not any(pathlib.Path(f"/proc/{pid}").exists() for pid in members)
                 and not (group and group.exists()), "at its end nothing of it is left")


def pair(comparison, checks, key, count):
    """One of ours and one of a peer that lives in the root of Postfix."""
    comparison.results.clear()
    if not comparison.measure(row(key, count=count, ours=count, pairs=1), checks):
        return
    ours, theirs = comparison.results
    checks.equal((ours["system"], len(ours["runs"]), len(theirs["runs"])), ("rundbrief", 1, 1),
                 f"{key}: systems and runs")
    wanted = {"messages", "seconds", "messages_per_second", "cost_usec", "sink_cpu_usec", "ratio",
              "signature_usec", "masked_usec", "others_share"}
    mine, other = ours["runs"][0], theirs["runs"][0]
    checks.check(all(wanted <= run.keys() and run["cost_usec"] > 0 and run["sink_cpu_usec"] > 0
                     for run in (mine, other)), f"{key}: each run tells what it must")
    checks.check(abs(mine["ratio"] - other["cost_usec"] / mine["cost_usec"]) < 1e-9,
                 f"{key}: the ratio {mine['ratio']:.2f} is of the two in the pair")
    verdict, = theirs["verdicts"]
    checks.equal(verdict["holds"], verdict["is"] > 1 if verdict["promised"] == 1 else
                 verdict["is"] >= verdict["promised"], f"{key}: the verdict on {verdict['is']:.2f}")
    bench.table(comparison.results)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    checks = r.Checks()
    r.run("make", "--no-print-directory", YARDSTICK, cwd=r.ROOT)
    comparison = bench.Comparison("peers")
    try:
        absent(comparison, checks)
        looked_at(comparison, checks)
        if os.geteuid() != 0:
            checks.skip("trees and roots need root")
        else:
            for grouped in (True, False):
                tree(checks, grouped)
            roots_are_taken(comparison, checks)
            reason = comparison.roots["postfix"].why_not()
            if reason:
                checks.skip(f"smtp-source, Postfix and OpenDKIM: {reason}")
            else:
                pair(comparison, checks, "smtp-source", count)
                pair(comparison, checks, "postfix-opendkim", count // 8)
    finally:
        comparison.close()
    checks.check(not os.path.ismount(comparison.roots["postfix"].root), "no root is left mounted")
    checks.end("peers")


if __name__ == "__main__":
    main()
