"""Sources in warm-up: what leaves by them, how far apart, and what a crash costs.

A new source beside an old one takes what its day allows, evenly, and the rest leaves by the old
one; alone it makes its mail wait; killed again and again it never exceeds the day.

usage: test_warmup.py"""

import collections
import json
import signal
import sys
import time

import rig as r
from scene import LIMITS, Scene
from test_auth import play

NOON = 12 * 3600


class World:
    def __init__(self, rig, checks):
        self.rig, self.checks = rig, checks
        rig.start_database()
        rig.start_zone(["people IN MX 10 mx", "mx IN A 127.0.0.2"])
        rig.configure(**rig.settings(25))
        rig.command("init")
        self.log = rig.place / "sink.log"
        self.port, _ = rig.start_sink("--log-recipients", self.log, listeners=["127.0.0.2"])

    def scene(self, name, count, allowance, window, pool, **changes):
        """The day is half over where this machine is, and its window closes in so many seconds
        or up to a minute later."""
        now = int(time.time())
        offset = (NOON - now % 86400) // 60 * 60
        offset = min(max(offset, -12 * 3600), 12 * 3600)
        closes = (now + window + 59) // 60 * 60
        local = (closes + offset) % 86400 // 60
        zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 3600:02}:{abs(offset) // 60 % 60:02}"
        changes = {
            "source": [(f"old-{name}", {"address": "127.0.0.5"}),
                       (f"new-{name}", {"address": "127.0.0.6", "warmup": "short"})],
            "pool": [("news", {"sources": pool, "weights": [1] * len(pool)})],
            "warmup": [("short", {"days": [allowance, 2 * allowance],
                                  "hours": f"00:00-{local // 60:02}:{local % 60:02}"})],
            "sending": {"return_domain": "bounce.test", "base_url": "https://news.test",
                        "secret": str(self.rig.place / "secret"), "day_zone": zone},
            **changes}
        scene = Scene(self.rig, self.checks, name, count, port=self.port,
                      letter={"pool": "news"}, **changes)
        scene.closes, scene.began = closes, time.time()
        scene.interval = (closes - scene.began) / allowance
        return scene

    def stands(self, scene):
        rows = json.loads(scene.rig.command("warmup", f"new-{scene.name}", "--json").stdout)
        return rows[0]

    def started(self, scene):
        """By the new source, as the settlements know it."""
        return int(self.rig.sql(f"select coalesce(sum(started), 0) from source_days "
                                f"where source = 'new-{scene.name}'")[0][0])

    def close(self):
        pass


def overflow(world):
    limits = {**LIMITS, "message_rate": "100/s"}
    scene = world.scene("overflow", 1500, 300, 60, ["old-overflow", "new-overflow"],
                        default_limits=limits)
    scene.start("--quiet")
    scene.ends(90)
    took = time.time() - scene.began
    by = collections.Counter(row["source"] for row in scene.rows("--verdict", "delivered"))
    most = took / scene.interval * 1.3 + 2
    new = by["new-overflow"]
    world.checks.check(5 <= new <= most and by["old-overflow"] + new == 1500,
                       f"overflow: {new} by the new source in {took:.0f} s, one every "
                       f"{scene.interval:.2f} s; the rest, {by['old-overflow']}, by the old one")
    row = world.stands(scene)
    world.checks.check(row["sent"] == new == world.started(scene) and row["allowance"] == 300 and
                       row["day"] == 1, f"overflow: nothing stays reserved: {row}")


def waiting(world):
    """Nobody else may take it: it leaves one by one."""
    scene = world.scene("waiting", 12, 30, 60, ["new-waiting"])
    scene.start("--quiet")
    scene.ends(100)
    took = time.time() - scene.began
    world.checks.check(took >= 10 * scene.interval,
                       f"waiting: 12 in {took:.0f} s, one every {scene.interval:.1f} s")
    world.checks.equal(world.stands(scene)["sent"], 12, "waiting: sent today")


def killed(world):
    """Until its window closes, killed every few seconds."""
    scene = world.scene("killed", 80, 40, 60, ["new-killed"], retry={"first": "1h"})
    kills = 0
    while time.time() < scene.closes + 3:
        process = scene.start("--quiet")
        until = min(time.time() + 7, scene.closes + 4)
        r.wait_for(lambda: time.time() > until or process.poll() is not None, 30)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    got = len(scene.got(world.log))
    scene.start("--quiet")
    time.sleep(3)
    scene.rig.stop(scene.process, signal.SIGINT)
    row, report = world.stands(scene), scene.report()
    later = len(scene.got(world.log))
    world.checks.check(0 < got <= 40 and later == got and row["sent"] <= 40,
                       f"killed: {got} of 40 that the day allows reached the sink, {kills} kills; "
                       f"sent with what was lost {row['sent']}, now: {row['now']}")
    world.checks.check(report["holds"] and report["failed"] == 0 and report["open"] > 0,
                       f"killed: {report['open']} wait for tomorrow, {report['in_doubt']} in doubt")


SCENES = (killed, waiting, overflow)


def main():
    checks, rig, world = r.Checks(), r.Rig("warmup"), None
    scenes = [s for s in SCENES if not sys.argv[1:] or s.__name__ in sys.argv[1:]]
    try:
        world = World(rig, checks)
        play(world, [(scene,) for scene in scenes])
    finally:
        if world:
            world.close()
        rig.close()
    checks.end("warmup")


if __name__ == "__main__":
    main()
