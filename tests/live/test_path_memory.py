"""What a path has learned outlives its engine: where a server said to come back in forty minutes
nobody asks sooner because the engine was killed, nor because it was stopped in order, and another
engine that takes the source knows it, too; a rate of a minute does not begin anew.

usage: test_path_memory.py"""

import json
import signal
import time

import rig as r
from scene import LIMITS, Scene

WAIT = "450 4.7.1 rate limit exceeded, try again in 40 minutes"
ROW = "from path_memory where site like '%bad.test'"


def told(rig):
    return int(rig.sql("select coalesce(sum(attempts), 0) from deferrals")[0][0])


def left(rig):
    """Minutes."""
    return float(rig.sql(f"select coalesce(max(extract(epoch from suspended_until - now())), 0) / 60 {ROW}")[0][0])


def suspended(rig, checks, port):
    scene = Scene(rig, checks, "waits", 60, port=port, domains=["bad.test"],
                  default_limits={**LIMITS, "connections": 1})
    scene.start("--quiet")
    checks.check(r.wait_for(lambda: left(rig) > 38, 20),
                 f"the server says when to come back, and that is written down: {left(rig):.1f} "
                 "minutes are left")
    scene.process.send_signal(signal.SIGKILL)
    scene.process.wait()
    before = told(rig)
    for how in (signal.SIGKILL, signal.SIGINT):
        scene.start("--quiet")
        time.sleep(2)
        scene.rig.stop(scene.process, how)
    scene.rig.configure(**{**scene.settings, "engine": {
        "name": "another", "journal": str(scene.rig.place / "another")}})
    scene.start("--quiet")
    time.sleep(2)
    scene.rig.stop(scene.process)
    after = told(rig)
    checks.check(0 < before and after <= before + 1,
                 f"after three starts, one by another engine, {before} attempts became {after}")
    checks.check(37 < left(rig) < 40, f"{left(rig):.1f} minutes are left")
    said = scene.rig.command("why", "bad.test").stdout
    paths = json.loads(scene.rig.command("why", "bad.test", "--json").stdout)["paths"]
    checks.check([p["held_by"] for p in paths] == ["suspended"] and "suspended" in said,
                 f"while no engine works people are told what is remembered: {paths}")


def by_the_minute(rig, checks, port, log):
    """One every second and a half, over three processes one after another."""
    scene = Scene(rig, checks, "slow", 12, port=port,
                  default_limits={**LIMITS, "message_rate": "40/min,burst=1"})
    began, count, ends = time.monotonic(), 0, []
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        scene.start("--quiet")
        r.wait_for(lambda: len(scene.got(log)) > count, 15, 0.05)
        count = len(scene.got(log))
        scene.rig.stop(scene.process, how)
        ends += rig.sql("select ended from path_memory where site like '%people.test'")[0]
    checks.equal(ends, ["f", "t", "f"], "only an orderly end is written down as one")
    took = time.monotonic() - began
    count = len(scene.got(log))
    checks.check(3 <= count <= 1 + took / 1.5 + 0.2,
                 f"{count} messages in {took:.1f} s by three processes: one every second and a half")


def main():
    checks, rig = r.Checks(), r.Rig("path-memory")
    try:
        rig.start_database()
        rig.start_zone(r.mail_zone({"people.test": "127.0.0.2", "bad.test": "127.0.0.3"}))
        log = rig.place / "sink.log"
        port, _ = rig.start_sink("--log-recipients", log,
                                 listeners=["127.0.0.2", f"127.0.0.3;defer=100%:{WAIT}"])
        rig.configure(**rig.settings(port))
        rig.command("init")
        suspended(rig, checks, port)
        by_the_minute(rig, checks, port, log)
    finally:
        rig.close()
    checks.end("path-memory")


if __name__ == "__main__":
    main()
