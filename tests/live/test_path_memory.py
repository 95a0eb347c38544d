"""What a path has learned outlives its engine: a source that a server has blocked asks no sooner
because the engine was killed, nor because it was stopped in order; a rate a day does not begin
anew; and people are told.

usage: test_path_memory.py"""

import json
import signal
import time

import rig as r
from scene import LIMITS, Scene

BLOCK = "450 4.7.1 Client host blocked using zen.spamhaus.org"


def tries(log):
    return len(log.read_text().splitlines()) if log.exists() else 0


def blocked(rig, checks, port, log):
    scene = Scene(rig, checks, "blocked", 60, port=port, domains=["bad.test"],
                  default_limits={**LIMITS, "connections": 1})
    scene.start("--quiet")
    found = r.wait_for(lambda: scene.errors("source-blocked"), 20)
    checks.check(found, "the source is blocked")
    saved = "select blocked, suspended_until > now() + interval '30 minutes', ended " \
            "from path_memory where site = 'mx.bad.test'"
    checks.check(r.wait_for(lambda: rig.sql(saved) == [["t", "t", "f"]], 10),
                 "and that is written down while it runs")
    scene.process.send_signal(signal.SIGKILL)
    scene.process.wait()
    before = int(rig.sql("select coalesce(sum(attempts), 0) from deferrals")[0][0])
    until = rig.sql("select suspended_until from path_memory where blocked")
    for how in (signal.SIGKILL, signal.SIGINT):
        scene.start("--quiet")
        time.sleep(3)
        scene.rig.stop(scene.process, how)
    after = int(rig.sql("select coalesce(sum(attempts), 0) from deferrals")[0][0])
    checks.check(after == before, f"killed and started twice it asks no more: {before} tries, "
                 f"then {after}")
    now = rig.sql("select blocked, abs(extract(epoch from suspended_until - "
                  f"'{until[0][0]}')) < 5, ended from path_memory where site = 'mx.bad.test'")
    checks.equal(now, [["t", "t", "t"]], "at its orderly end the time that is left is the same")
    said = json.loads(scene.rig.command("why", "--json", "bad.test", check=False).stdout or "{}")
    del said, log


def by_the_day(rig, checks, port, log):
    """Three a minute, one at once: over three engines one after another."""
    scene = Scene(rig, checks, "slow", 12, port=port,
                  default_limits={**LIMITS, "message_rate": "20/min,burst=1"})
    began, count = time.monotonic(), 0
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        scene.start("--quiet")
        r.wait_for(lambda: len(scene.got(log)) > count, 15, 0.05)
        count = len(scene.got(log))
        scene.rig.stop(scene.process, how)
    took = time.monotonic() - began
    count = len(scene.got(log))
    checks.check(3 <= count <= 1 + took / 3 + 0.2,
                 f"{count} messages in {took:.1f} s by three engines: one every three seconds")


def main():
    checks, rig = r.Checks(), r.Rig("path-memory")
    try:
        rig.start_database()
        rig.start_zone(r.mail_zone({"people.test": "127.0.0.2", "bad.test": "127.0.0.3"}))
        log = rig.place / "sink.log"
        port, _ = rig.start_sink("--log-recipients", log,
                                 listeners=["127.0.0.2", f"127.0.0.3;defer=100%:{BLOCK}"])
        rig.configure(**rig.settings(port))
        rig.command("init")
        blocked(rig, checks, port, log)
        by_the_day(rig, checks, port, log)
    finally:
        rig.close()
    checks.end("path-memory")


if __name__ == "__main__":
    main()
