"""Two engines, one database: one is stopped for longer than its lease and comes back, one is killed
for good, journal and all. Nobody is lost, and nobody is mailed twice who is not listed.

usage: test_two_engines.py [RECIPIENTS]      1,600 unless told"""

import collections
import shutil
import signal
import sys
import time

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 5)}
LEASE = 3
RATE = 50  # a second, of each source to each site: 200 of each engine


def configure(rig, port, name, source=None):
    rig.configure(**rig.settings(
        port, engine={"name": name, "journal": str(rig.place / name), "lease": f"{LEASE}s",
                      "journal_wait": "1h", "slice_size": 200, "envelopes": 800},
        source=[(source or name, {"helo": f"{name}.news.test"})],
        default_limits={"message_rate": f"{RATE}/s", "connections": 10,
                        "messages_per_connection": 0, "connection_rate": "10000/s"}))
    path = rig.place / f"{name}.conf"
    rig.config.rename(path)
    rig.config = path
    return path


def start(rig, config, name):
    rig.config = config
    return rig.popen("send", name,
                     stderr=open(rig.place / f"{config.stem}.err", "a"))


def said(rig, config, since=0):
    return (rig.place / f"{config.stem}.err").read_text()[since:]


def settled(rig):
    return int(rig.sql("select count(*) from deliveries")[0][0])


def in_doubt(rig, name):
    return {row["email"].split("@")[0]
            for row in rig.rows(name, "--attempts", "--verdict", "in-doubt")}


def sums(checks, rig, name, count, log):
    got = collections.Counter(a.split("@")[0] for a, _ in r.logged_recipients(log))
    twice = {a for a, n in got.items() if n > 1}
    everybody = {f"r{i}" for i in range(1, count + 1)}
    listed = in_doubt(rig, name)
    report = rig.report(name)
    missing = everybody - set(got)
    print(f"        {name}: {len(got)} reached, {len(missing)} missing, {len(twice)} twice, "
          f"{len(listed)} listed in doubt")
    checks.check(set(got) <= everybody, f"{name}: nobody else was written to")
    checks.check(report["holds"] and report["open"] == 0 and
                 report["delivered"] + report["failed"] + report["in_doubt"] == count,
                 f"{name}: {count} = delivered {report['delivered']} + failed "
                 f"{report['failed']} + in doubt {report['in_doubt']}")
    finals = rig.sql("select count(*), count(distinct subscriber_id) from deliveries where final")
    checks.equal(finals, [[str(count)] * 2], f"{name}: one final row each")
    rig.sql("truncate delivery_rows, delivery_packs")
    return twice, missing, listed


def paused(rig, checks, count, configs, log):
    """One is stopped for longer than its lease: it hears of it before it starts anything."""
    log.write_text("")
    left, right = (start(rig, c, "paused") for c in configs)
    checks.check(r.wait_for(lambda: settled(rig) > count / 4, 40), "paused: both are sending")
    left.send_signal(signal.SIGSTOP)
    time.sleep(2 * LEASE)
    taken = r.wait_for(lambda: rig.sql("select 1 from slices s join engines e on e.id = "
                                       "s.lease_engine_id where e.name = 'left' and "
                                       "s.state = 4"), 20)
    checks.check(taken, "paused: the other one takes its slices over")
    left.send_signal(signal.SIGCONT)
    codes = [p.wait(60) for p in (left, right)]
    checks.equal(codes, [0, 0], "paused: both end with")
    checks.check("lease-lost" in said(rig, configs[0]), "paused: it says what it lost")
    twice, missing, listed = sums(checks, rig, "paused", count, log)
    checks.equal((len(twice), len(missing)), (0, 0), "paused: twice and missing")


def gone(rig, checks, count, configs, log):
    """One is killed and its journal thrown away: whom it had marked is listed, and nobody else
    is left out or written to twice."""
    log.write_text("")
    before = len(said(rig, configs[1]))  # the paused one may have been waited for, too
    left, right = (start(rig, c, "gone") for c in configs)
    checks.check(r.wait_for(lambda: settled(rig) > count / 3, 40), "gone: both are sending")
    rig.stop(left, signal.SIGKILL)
    shutil.rmtree(rig.place / "left")
    sentence = "if it never returns: rundbrief nodes forget left"
    checks.check(r.wait_for(lambda: sentence in said(rig, configs[1], before), 60),
                 f"gone: {sentence}")
    checks.equal(rig.sql("select count(*) from burials"), [["0"]], "gone: in doubt before that")
    forgets = rig.command("nodes", "forget", "left", "--yes", check=False)
    checks.equal((forgets.returncode, forgets.stderr), (0, ""), "gone: nodes forget ends with")
    checks.equal(right.wait(60), 0, "gone: the other one ends with")
    twice, missing, listed = sums(checks, rig, "gone", count, log)
    checks.equal(len(twice), 0, "gone: got it twice")
    checks.check(missing <= listed, f"gone: each of the {len(missing)} missing is listed")
    rate = RATE * len(DOMAINS)
    checks.check(len(listed) <= 0.4 * rate, f"gone: {len(listed)} listed, "
                 f"{1000 * len(listed) / rate:.0f} ms of {rate}/s")


def standby(rig, checks, port):
    """Two with one source between them: the second waits, says so, and has it when the first has
    ended."""
    configs = [configure(rig, port, name, "shared") for name in ("first", "second")]
    first = start(rig, configs[0], "standby")
    r.wait_for(lambda: rig.sql("select 1 from sources where name = 'shared'"), 20)
    second = start(rig, configs[1], "standby")
    sentence = "source shared is held by engine first; this engine waits"
    checks.check(r.wait_for(lambda: sentence in said(rig, configs[1]), 20), f"standby: {sentence}")
    rig.stop(first, signal.SIGINT)
    began = time.monotonic()
    has = r.wait_for(lambda: rig.sql("select 1 from sources s join engines e on e.id = "
                                     "s.engine_id where e.name = 'second'"), 20)
    checks.check(has, f"standby: it has the source {time.monotonic() - began:.1f} s after the "
                      "first has left")
    checks.equal(second.wait(60), 0, "standby: it ends with")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1600
    checks, rig = r.Checks(), r.Rig("two_engines")
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    log = rig.place / "got"
    log.touch()
    port, sink = rig.start_sink("--log-recipients", log, "--delay", "5",
                                listeners=list(DOMAINS.values()))
    configs = [configure(rig, port, name) for name in ("left", "right")]
    rig.command("init")
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    for name in ("paused", "gone", "standby"):
        rig.campaign(name, text="Dear {{ first_name }}\n", in_doubt="assume")
    paused(rig, checks, count, configs, log)
    gone(rig, checks, count, configs, log)
    standby(rig, checks, port)
    rig.close()
    checks.end("two_engines")


if __name__ == "__main__":
    main()
