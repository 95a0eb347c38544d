"""`make show-rtt`: messages a second on one connection over a path of 20 ms, in each mode in which
commands can leave, from the engine as it is to the sink; and what the engine said about it.

usage: rtt.py [--seconds N] [--round-trip MS] [--modes lockstep,group,next,chunk,window,learn,cut]
              [--json FILE]

In mode learn the engine finds out by itself; in mode cut it does so with a server that hangs up
on one message in a hundred, to show how it goes down again.

The rate is taken between the first and the last twentieth of the messages as the sink counts them,
so that start and end of the engine weigh nothing. A mode that this program does not know is
skipped."""

import argparse
import json
import pathlib
import time

import stage
from stage import r
import delay  # beside the rig, which stage has found

# Messages a second that are promised at 20 ms, and what the round trips of each mode allow.
PROMISED = {"next": 46, "chunk": 46, "window": 400, "learn": 400}
ROUND_TRIPS = {"lockstep": 4, "group": 2, "next": 1, "chunk": 1, "window": 1 / 12, "learn": 1 / 4, "cut": 1}
LEARNS = ("learn", "cut")
WINDOW = 16
MESSAGE_SIZE = 10240
CUTS = {"cut": ("--drop-after-dot", "1%")}


class Rtt(stage.Stage):
    """The bench's campaign, to one server at the other end of the path."""

    def __init__(self, options):
        self.rig = r.Rig("rtt")
        self.path = delay.open_path(self.rig, options.round_trip * 1000)
        self.rig.start_database()
        self.options, self.letters, self.audiences = options, {}, {}
        self.knows = r.known_keys(self.rig.program)
        self.rig.zone_port = 53  # nobody is asked: every domain has a fixed way
        self.settle("learn", 25)
        self.rig.command("init")

    def settle(self, mode, port):
        host, port = self.path.endpoint(port) if port != 25 else (self.path.address, port)
        limits = {"connections": 1, "messages_per_connection": 0, "message_rate": "1000000/s",
                  "connection_rate": "10000/s"}
        if mode not in LEARNS:
            limits |= {"flight": mode, "window": WINDOW}
        self.rig.configure(**self.rig.settings(port, default_limits=limits,
                                               route=[("*", {"host": host, "port": port})]))
        self.rig.zone_port = None  # and none was started that close() would stop

    def measure(self, mode):
        rig, options = self.rig, self.options
        trips = ROUND_TRIPS[mode] if "default_limits.flight" in self.knows else 1
        count = round(options.seconds * 1000 / options.round_trip / trips)
        self.audience(count, 10, mode)
        port, sink = rig.start_sink("--allow-outside", *CUTS.get(mode, ()), listeners=(self.path.address,),
                                    before=self.path.server_side)
        rig.zone_port = 53
        self.settle(mode, port)
        if mode in LEARNS:  # from the beginning, whatever the modes before have taught
            rig.command("hosts", "--forget", self.path.address, check=False)
        self.campaign(mode, self.letter(MESSAGE_SIZE), mode)
        log = rig.place / f"{mode}.log"
        with open(log, "w") as err:
            process = rig.popen("send", mode, "--verbose", before=self.path.engine_side, stderr=err)
        rate, progress = self.watch(process, sink, count)
        rig.stop(sink)
        return {"mode": mode, "messages": count, "per_second": rate, "progress": progress,
                "sink": sink.counts(), "report": rig.report(mode),
                "flight": [line for line in log.read_text().splitlines() if "flight" in line]}

    def watch(self, process, sink, count):
        """Messages a second between the first and the last twentieth, and (seconds, messages) as
        it went; waits for the end."""
        marks, began = [], time.monotonic()
        limit = began + 60 + 8 * self.options.seconds
        while process.poll() is None and time.monotonic() < limit:
            sink.send_signal(r.signal.SIGUSR1)
            time.sleep(0.1)
            try:
                accepted, at = sink.counts()["accepted"], time.monotonic()
            except (FileNotFoundError, json.JSONDecodeError):
                continue
            marks.append((round(at - began, 3), accepted))
        self.rig.stop(process)
        inner = [mark for mark in marks if count * 0.05 <= mark[1] < count * 0.95]
        if len(inner) < 2:
            return 0.0, marks
        (start, before), (end, after) = inner[0], inner[-1]
        return (after - before) / (end - start), marks


def judge_cut(checks, result):
    """A message that was taken and not answered is in doubt, and listed; the flight goes down."""
    report, sink, log = result["report"], result["sink"], "\n".join(result["flight"])
    checks.check(report["holds"] and report["failed"] == 0 and sink["accepted"] - sink["duplicates"]
                 == report["delivered"] + report["in_doubt"] == result["messages"],
                 f"cut: {sink['accepted']} accepted = delivered {report['delivered']} + in doubt "
                 f"{report['in_doubt']} + twice {sink['duplicates']}, on {sink['connections']} "
                 "connections")
    checks.check("change=up" in log and "change=down" in log,
                 "cut: what may be under way went up, and down again")
    for line in result["flight"]:
        print(f"        {line}")


def judge(checks, result, promised):
    mode, report, sink = result["mode"], result["report"], result["sink"]
    if mode in CUTS:
        judge_cut(checks, result)
        return
    checks.check(report["holds"] and report["delivered"] == result["messages"] == sink["accepted"]
                 and sink["duplicates"] == 0,
                 f"{mode}: {sink['accepted']} accepted = delivered, each once, on "
                 f"{sink['connections']} connections")
    rate = result["per_second"]
    if promised:
        checks.check(rate >= promised, f"{mode}: {rate:.1f} messages/s on one connection, "
                     f"promised {promised}")
    else:
        checks.check(rate > 0, f"{mode}: {rate:.1f} messages/s on one connection")
    for line in result["flight"]:
        print(f"        {line}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20, help="about so long for each mode")
    parser.add_argument("--round-trip", type=int, default=20, help="milliseconds")
    parser.add_argument("--modes", default=",".join(ROUND_TRIPS))
    parser.add_argument("--json", default=str(r.ROOT / "build" / "rtt.json"))
    options = parser.parse_args()
    checks, bench = r.Checks(), Rtt(options)
    print(f"{bench.path.kind}, {options.round_trip} ms, congestion control "
          f"{bench.path.congestion}", flush=True)
    bench.audience(10, 10, "proof")
    results = []
    for mode in options.modes.split(","):
        if mode not in LEARNS and "default_limits.flight" not in bench.knows:
            checks.skip(f"mode {mode}: this program has no key `flight`")
            continue
        results.append(bench.measure(mode))
        judge(checks, results[-1], PROMISED.get(mode) if options.round_trip == 20 else None)
    pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    bench.rig.close()
    bench.path.close()
    checks.end("rtt")


if __name__ == "__main__":
    main()
