#!/usr/bin/python3
"""The whole engine under ThreadSanitizer: show_tsan.py [RECIPIENTS].

A small campaign with its real threads (feeder, presses, carrier, ledger) against the sink and a
real PostgreSQL: with greylisting, refusals and connections that break, paused and resumed, stopped
by SIGTERM in its middle and started again. A race that is found is printed and counts as failed."""
import os
import pathlib
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "live"))

import rig as r  # noqa: E402

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 5)}
UNDER_TSAN = ROOT / "build" / "tsan" / "rundbrief"


def start(rig, said):
    """The program that is looked at; the others run as they are."""
    plain, rig.program = rig.program, UNDER_TSAN
    options = f"log_path={said} exitcode=66 second_deadlock_stack=1"
    os.environ["TSAN_OPTIONS"] = options
    try:
        return rig.popen("send", "letter", "--quiet", stderr=open(rig.place / "engine.err", "a"))
    finally:
        rig.program = plain


def accepted(log):
    return sum(1 for _ in r.logged_recipients(log))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    checks, rig = r.Checks(), r.Rig("tsan")
    log, said = rig.place / "sink.log", rig.place / "race"
    log.touch()
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", log, "--delay", "5", "--reject", "3%", "--defer",
                                "3%", "--drop-after-dot", "1%", listeners=list(DOMAINS.values()))
    rig.prepare_with(port, dkim=("ed25519",), engine={"presses": 2})
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.campaign("letter", text="Dear {{ first_name }}\n", in_doubt="retry")
    rig.command("campaign", "create", rig.place / "letter")

    first = start(rig, said)
    checks.check(r.wait_for(lambda: accepted(log) > count // 10, 120), "it sends")
    rig.command("pause", "letter", check=False)
    time.sleep(2)
    rig.command("resume", "letter", check=False)
    r.wait_for(lambda: accepted(log) > count // 3, 120)
    code = rig.stop(first, signal.SIGTERM, 60)
    checks.check(code != 66, f"stopped in its middle it ends in order (was {code})")
    last = start(rig, said)
    r.wait_for(lambda: last.poll() is not None, 300)
    checks.equal(rig.stop(last), 0, "the second start ends with")
    report = rig.report("letter")
    rig.stop(sink)
    checks.check(report["holds"] and report["open"] == 0,
                 f"{count} = delivered {report['delivered']} + failed {report['failed']} + in doubt "
                 f"{report['in_doubt']}")
    races = sorted(rig.place.glob("race.*"))
    for race in races:
        print(race.read_text()[:6000])
    checks.equal(len(races), 0, "processes in which a race was found")
    rig.close()
    checks.end("tsan")


if __name__ == "__main__":
    main()
