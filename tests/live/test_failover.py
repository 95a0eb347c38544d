"""The primary dies (kill -9) in mid-campaign and its replica is promoted; the engine's conninfo names
both. With synchronous replication the engine goes on by itself and nothing is lost nor sent twice.
With asynchronous replication the replica lacks the last commits: the engine ends and says so, and the
next one does not start over what it cannot know, rather than send a second time.

usage: test_failover.py [RECIPIENTS]   1,000 unless told, and then without the scene in the middle"""

import signal
import sys
import time

import replica
import rig as r

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}


def prepare(name, count, slice_size=100, slices=4):
    rig = r.Rig(name)
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", rig.place / "log", "--defer", "3%",
                                listeners=DOMAINS.values())
    rig.prepare_with(port)
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.campaign("news", text="Dear {{ first_name }}, news.\n")
    rig.command("campaign", "create", rig.place / "news")
    follower = replica.Replica(rig)
    rig.configure(**rig.settings(port, database={"conninfo": follower.both},
                                 engine={"slice_size": slice_size, "envelopes": slices * slice_size},
                                 default_limits={"message_rate": f"{count // 12}/s"}))
    return rig, sink, follower


def accepted(rig):
    return len(r.logged_recipients(rig.place / "log"))


def reaches(rig, checks, count):
    checks.check(r.wait_for(lambda: accepted(rig) >= count, 60), f"{count} are sent")


def without_loss(checks, count):
    rig, sink, follower = prepare("failover", count)
    follower.synchronous()
    process = rig.popen("send", "news", stderr=open(rig.place / "err", "w"))
    reaches(rig, checks, count // 3)
    follower.kill_primary()
    time.sleep(3)
    follower.promote()
    checks.check(r.wait_for(lambda: process.poll() is not None, 120), "the engine goes on and ends")
    checks.equal(process.returncode, 0, "exit code of send")
    said = (rig.place / "err").read_text()
    checks.check("database-away" in said or "settlement-failed" in said, "it said that the database was "
                 "away")
    rig.stop(sink)
    report = rig.report("news")
    checks.adds_up(report, count, sink.counts()["accepted"])
    checks.equal((sink.counts()["duplicates"], report["in_doubt"]), (0, 0), "sent twice, in doubt")
    follower.stop()
    rig.close()


def goes_back(rig, checks, follower, count, more):
    """The engine finds a database that lacks what it had settled, of so many more messages."""
    process = rig.popen("send", "news", "--quiet", stderr=open(rig.place / "err", "w"))
    reaches(rig, checks, count // 4)
    follower.cut_off()
    reaches(rig, checks, accepted(rig) + more)
    follower.kill_primary()
    follower.promote()
    err = rig.place / "err"
    checks.check(r.wait_for(lambda: "has gone back" in err.read_text(), 60),
                 "it says that the database has gone back: " + err.read_text().strip().split("\n")[0][:300])
    # It ends by itself, when its last dots have and it has waited for marks in vain; here it is killed.
    if len(sys.argv) > 1:
        checks.check(r.wait_for(lambda: process.poll() is not None, 90) and process.returncode != 0,
                     f"the engine ends; exit code {process.returncode}")
    rig.stop(process, signal.SIGKILL)


def with_settlements_lost(checks, count):
    """The replica knows the lease of the one slice that there is: the journal has the rest."""
    rig, sink, follower = prepare("failover-settled", count, count)
    goes_back(rig, checks, follower, count, count // 4)
    rig.command("send", "news", "--quiet")
    rig.stop(sink)
    report = rig.report("news")
    checks.adds_up(report, count, sink.counts()["accepted"])
    checks.check(sink.counts()["duplicates"] == 0 == report["in_doubt"], "nothing sent twice or in doubt")
    follower.stop()
    rig.close()


def with_leases_lost(checks, count):
    """The replica lacks leases and slices that were cut: more was sent than was leased ahead."""
    rig, sink, follower = prepare("failover-leased", count, 100, 2)
    goes_back(rig, checks, follower, count, count // 2)
    at_end = accepted(rig)
    again = rig.command("send", "news", "--quiet", check=False)
    checks.check(again.returncode != 0 and "has gone back" in again.stderr,
                 "the next one refuses to start: " + again.stderr.strip()[-400:])
    time.sleep(1)
    checks.equal(accepted(rig), at_end, "messages since")
    rig.stop(sink)
    checks.equal(sink.counts()["duplicates"], 0, "sent twice")
    follower.stop()
    rig.close()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    checks = r.Checks()
    without_loss(checks, count)
    if len(sys.argv) > 1:
        with_settlements_lost(checks, count)
    with_leases_lost(checks, count)
    checks.end("failover")


if __name__ == "__main__":
    main()
