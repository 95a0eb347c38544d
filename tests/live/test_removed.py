"""The journal's folder is removed in mid-campaign: nothing new starts, the engine says why, and
nobody is lost. (A disk that is full is test_outage.py's.)

usage: test_removed.py [RECIPIENTS]   1,500 unless told"""

import collections
import shutil
import signal
import sys
import time

import rig as r

DOMAINS = {"site1.test": "127.0.0.2", "site2.test": "127.0.0.3"}


def lines(log):
    return sum(1 for _ in r.logged_recipients(log))


def said(rig):
    path = rig.place / "engine.err"
    return path.read_text(errors="replace") if path.exists() else ""


def start(rig, name):
    return rig.popen("send", name, stdout=open(rig.place / "engine.out", "a"),
                     stderr=open(rig.place / "engine.err", "a"))


def standing(log):
    """How many came until nothing more comes for a second and a half."""
    before = -1
    for _ in range(60):
        now = lines(log)
        if now == before:
            return now
        before = now
        time.sleep(1.5)
    return before


def begin(rig, name, *sink_options):
    log = rig.place / f"{name}.log"
    log.touch()
    port, sink = rig.start_sink("--log-recipients", log, *sink_options,
                                listeners=list(DOMAINS.values()))
    rig.prepare_with(port, default_limits={"message_rate": "300/s", "connections": 5,
                                           "messages_per_connection": 0,
                                           "connection_rate": "10000/s"},
                     engine={"journal": str(rig.place / "journal")})
    rig.campaign(name, text="Dear {{ first_name }}\n", in_doubt="retry")
    rig.command("campaign", "create", rig.place / name)
    return log, sink


def removed(rig, checks, count):
    log, sink = begin(rig, "removed", "--delay", "20")
    engine = start(rig, "removed")
    r.wait_for(lambda: lines(log) > count // 10, 30)
    shutil.rmtree(rig.place / "journal")
    r.wait_for(lambda: "was removed while the engine runs" in said(rig), 30)
    checks.check("was removed while the engine runs" in said(rig),
                 "removed: the sentence says that the journal was removed")
    stood = standing(log)
    checks.check(stood < count, f"removed: {stood} of {count} had left, and no more leave")
    rig.stop(engine, signal.SIGTERM, 60)
    engine = start(rig, "removed")
    r.wait_for(lambda: engine.poll() is not None, 90)
    checks.equal(rig.stop(engine), 0, "removed: started again it ends with")
    got = collections.Counter(address for address, _ in r.logged_recipients(log))
    listed = {row["email"].split("@")[0] for row in
              rig.rows("removed", "--attempts", "--verdict", "in-doubt")}
    twice = {a.split("@")[0] for a, n in got.items() if n > 1}
    report = rig.report("removed")
    checks.check(len(got) == count and twice <= listed and report["holds"],
                 f"removed: {len(got)} of {count} reached, {len(twice)} twice, all of them among "
                 f"the {len(listed)} listed")
    rig.stop(sink)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    checks, rig = r.Checks(), r.Rig("removed")
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    rig.prepare_with(1)
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    removed(rig, checks, count)
    rig.close()
    checks.end("removed")


if __name__ == "__main__":
    main()
