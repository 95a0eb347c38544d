#!/usr/bin/python3
"""The n-th call fails in the program as it is installed: show_preload.py PRELOAD [SAMPLES [KIND [N]]].

Each run is a campaign to 60 recipients, signed, half of it under TLS, against the sink and a real
PostgreSQL. A first run without a fault counts the calls of each kind; then SAMPLES of them, spread
evenly (0: every one), fail in a run each. Whatever the engine does with it: it is not killed, it
does not hang, and after a second start without a fault everybody has been reached once, or is
listed in doubt."""
import collections
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "live"))

import rig as r  # noqa: E402

DOMAINS = {"site1.test": "127.0.0.2", "site2.test": "127.0.0.3"}
KINDS = ("sql-error", "sql-cut", "sql-late", "tls", "memory")
COUNT = 60
HANGS = 90


def taken(log):
    return collections.Counter(address.split("@")[0] for address, _ in r.logged_recipients(log))


class Torture:
    def __init__(self, rig, preload, log):
        self.rig, self.preload, self.log, self.runs = rig, preload, log, 0

    def start(self, name, kind=None, n=0):
        faults = {}
        if kind:
            faults = {"LD_PRELOAD": str(self.preload), "TORTURE_KIND": kind, "TORTURE_N": str(n),
                      "TORTURE_COUNT": str(self.rig.place / "count")}
        os.environ.update(faults)
        try:
            process = self.rig.popen("send", name, "--quiet",
                                     stderr=open(self.rig.place / "engine.err", "a"))
        finally:
            for key in faults:
                del os.environ[key]
        ended = r.wait_for(lambda: process.poll() is not None, HANGS, 0.05)
        return self.rig.stop(process) if ended else "hangs"

    def run(self, kind, n):
        """What is wrong; empty: nothing. Also the first start's exit code."""
        self.runs += 1
        name = f"c{self.runs}"
        self.rig.campaign(name, text="Dear {{ first_name }}\n", in_doubt="retry")
        self.rig.command("campaign", "create", self.rig.place / name)
        self.log.write_text("")
        first = self.start(name, kind, n)
        if first == "hangs" or first < 0:
            return f"ends with {first}", first
        last = first if first == 0 else self.start(name)
        if last != 0:
            return f"ends with {first}, and started again with {last}", first
        got, report = taken(self.log), self.rig.report(name)
        listed = {row["email"].split("@")[0] for row in
                  self.rig.rows(name, "--attempts", "--verdict", "in-doubt")}
        twice = {name for name, times in got.items() if times > 1}
        ended = report["delivered"] + report["failed"] + report["in_doubt"]
        if not twice <= listed:
            return f"{len(twice - listed)} got it twice and are not listed", first
        if not report["holds"] or report["open"] or ended != COUNT:
            return f"the report does not add up: {ended} of {COUNT}", first
        if len(got) + report["failed"] < COUNT:
            return f"{COUNT - len(got) - report['failed']} are missing", first
        return "", first


def spread(total, samples):
    if samples == 0 or samples >= total:
        return range(1, total + 1)
    return sorted({1 + i * (total - 1) // (samples - 1) for i in range(samples)})


def main():
    preload = ROOT / sys.argv[1]
    samples = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    kinds = [sys.argv[3]] if len(sys.argv) > 3 else KINDS
    only = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    checks, rig = r.Checks(), r.Rig("torture")
    log = rig.place / "sink.log"
    log.touch()
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", log, listeners=["127.0.0.2",
                                                                    "127.0.0.3;starttls"])
    rig.prepare_with(port, dkim=("ed25519",), smtp={"port": port, "allow_loopback": True,
                                                    "tls": "may"})
    r.subscribers_csv(rig.place / "list.csv", COUNT, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    torture = Torture(rig, preload, log)
    for kind in kinds:
        fault, _ = torture.run(kind, 0)
        total = int((rig.place / "count").read_text())
        checks.check(not fault and total > 0, f"{kind}: {total} calls of a run without a fault "
                                              f"{fault}")
        ends = collections.Counter()
        for n in [only] if only else spread(total, samples):
            fault, first = torture.run(kind, n)
            ends[first] += 1
            checks.check(not fault, f"{kind} {n}: {fault or f'in order (first start: {first})'}")
        print(f"        {kind}: first starts ended with {dict(ends)}")
    rig.stop(sink)
    rig.close()
    checks.end("torture-live")


if __name__ == "__main__":
    main()
