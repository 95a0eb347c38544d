"""The engine at its edges: routes, sources, limits, two engines at once, ends, idleness.

usage: test_engine.py [SCENARIO...]; with MODE=tsan or MODE=debug in the environment the engine of
that build is run. Every scenario has a list of its own and checks that its sums hold."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import rig as r

ZONE = r.mail_zone({f"site{i}.test": f"127.0.0.{10 + i}" for i in range(1, 31)}) + [
    # The preferred host refuses connections, the second takes the mail.
    "second IN MX 10 mx1.second", "second IN MX 20 mx2.second",
    "mx1.second IN A 127.0.0.99", "mx2.second IN A 127.0.0.2",
    # Nobody takes it.
    "dead IN MX 10 mx.dead", "mx.dead IN A 127.0.0.98",
    "six IN MX 10 mx.six", "mx.six IN AAAA ::1",
    "plain IN A 127.0.0.3",
    "null IN MX 0 .",
    "once IN MX 10 mx.once", "mx.once IN A 127.0.0.4",
    "slow IN MX 10 mx.slow", "mx.slow IN A 127.0.0.5",
    "fast IN MX 10 mx.fast", "mx.fast IN A 127.0.0.6",
    "tls IN MX 10 mx.tls", "mx.tls IN A 127.0.0.7",
    "routed IN MX 10 mx.dead",
    "reject IN MX 10 mx.reject", "mx.reject IN A 127.0.0.8",
    "hang IN MX 10 mx.hang", "mx.hang IN A 127.0.0.9",
]
LISTENERS = [*(f"127.0.0.{i}" for i in (2, 3, 4, 5, 6)), "127.0.0.7;starttls",
             "127.0.0.8;reject=100%", "127.0.0.9;hang-after-dot=100%",
             *(f"127.0.0.{10 + i}" for i in range(1, 31))]
OPEN = {"message_rate": "1000000/s", "connections": 20, "messages_per_connection": 0,
        "connection_rate": "10000/s"}


class Engine:
    """What the scenarios share: one database, zone and sink; a list and campaign for each."""

    def __init__(self):
        mode = os.environ.get("MODE", "release")
        self.rig = rig = r.Rig("engine")
        self.engine = r.ROOT / "build" / mode / "rundbrief"
        rig.start_database()
        rig.zone_port = r.free_port()
        rig.start_zone(ZONE)
        self.log = rig.place / "log"
        self.port, self.sink = rig.start_sink("--log-recipients", self.log, listeners=LISTENERS)
        six = subprocess.run(["cat", "/proc/net/if_inet6"], capture_output=True, text=True)
        self.has_six = "00000000000000000000000000000001" in six.stdout
        self.configure()
        rig.command("init")

    def configure(self, name=None, **changes):
        place = self.rig.place
        changes.setdefault("smtp", {})
        changes["smtp"] = {"port": self.port, **changes["smtp"]}
        self.rig.configure(**self.rig.settings(self.port, **changes))
        if name:  # a second engine has a configuration file of its own
            other = place / f"{name}.conf"
            other.write_text(self.rig.config.read_text())
            return other
        return self.rig.config

    def campaign(self, name, addresses, **settings):
        csv = self.rig.place / f"{name}.csv"
        csv.write_text("email,first_name\n" + "".join(f"{a},N\n" for a in addresses))
        self.rig.command("import", csv, "--list", name)
        self.rig.campaign(name, text="Dear {{ first_name }}\n", lists=[name], **settings)
        self.rig.command("campaign", "create", self.rig.place / name)

    def start(self, name, config=None):
        env = dict(os.environ, RUNDBRIEF_CONFIG=str(config or self.rig.config))
        err = open(self.rig.place / f"{name}.err", "a+")
        process = subprocess.Popen([str(self.engine), "send", name, "--quiet"], env=env,
                                   cwd=self.rig.place, stdout=err, stderr=err)
        process.said = lambda: pathlib.Path(err.name).read_text()
        self.rig.processes.append(process)
        return process

    def send(self, name, limit=60, config=None):
        process = self.start(name, config)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            pass
        return process

    def got(self, suffix=""):
        return [a for a, _ in r.logged_recipients(self.log) if a.endswith(suffix)]


def people(domain, count, first=1):
    return [f"p{i}@{domain}" for i in range(first, first + count)]


def routes(e, checks):
    """MX in order of preference, the address when there is no MX, none when there is a null MX."""
    e.configure()
    e.campaign("routes", people("second.test", 30) + people("plain.test", 10) +
               people("null.test", 3))
    checks.equal(e.send("routes").returncode, 0, "routes: ends with")
    report = e.rig.report("routes")
    checks.adds_up(report, 43, len(e.got("@second.test") + e.got("@plain.test")))
    checks.equal(len(e.got("@second.test")), 30,
                 "what the preferred host refuses, the second one takes")
    checks.equal(report["failed"], 3, "a null MX fails at once")


def six(e, checks):
    if not e.has_six:
        return checks.skip("IPv6: this machine has no ::1")
    log = e.rig.place / "log6"
    e.rig.start_sink("--log-recipients", log, listeners=["[::1]"], port=e.port)
    e.configure(dns={"server": "127.0.0.1", "port": e.rig.zone_port, "ipv6": True,
                     "timeout": "1s", "tries": 2})
    e.campaign("six", people("six.test", 20))
    checks.equal(e.send("six").returncode, 0, "IPv6: ends with")
    checks.adds_up(e.rig.report("six"), 20, len(r.logged_recipients(log)))


def static_route(e, checks):
    e.configure(route=[("routed.test", {"host": "127.0.0.6", "port": e.port})])
    e.campaign("routed", people("routed.test", 20))
    checks.equal(e.send("routed").returncode, 0, "a static route: ends with")
    checks.adds_up(e.rig.report("routed"), 20, len(e.got("@routed.test")))


def sources(e, checks):
    """Two sources share the work, and a recipient keeps its own."""
    e.configure(source=[("one", {"helo": "one.news.test", "address": "127.0.0.1"}),
                        ("two", {"helo": "two.news.test", "address": "127.0.0.201"})])
    e.campaign("sources", people("site1.test", 100) + people("site2.test", 100))
    checks.equal(e.send("sources").returncode, 0, "two sources: ends with")
    checks.adds_up(e.rig.report("sources"), 200, len(e.got("@site1.test") + e.got("@site2.test")))
    used = {row["source"] for row in e.rig.rows("sources")}
    checks.equal(used, {"one", "two"}, "both were used")


def nobody(e, checks):
    """Campaigns to nobody, to one, and to people who are all suppressed."""
    e.configure()
    e.campaign("none", [])
    e.campaign("one", people("site1.test", 1, 9001))
    e.campaign("gone", people("site2.test", 20, 9001))
    listed = e.rig.place / "gone.txt"
    listed.write_text("".join(a + "\n" for a in people("site2.test", 20, 9001)))
    e.rig.command("suppress", "import", listed)
    for name, targeted, accepted in (("none", 0, 0), ("one", 1, 1), ("gone", 20, 0)):
        checks.equal(e.send(name, 30).returncode, 0, f"a campaign to {name}: ends with")
        report = e.rig.report(name)
        checks.adds_up(report, targeted, accepted)
        checks.equal(report["suppressed"], targeted - accepted, f"{name}: suppressed")


def all_fail_at_once(e, checks):
    """Recipients who end without an attempt turn over faster than anything else."""
    e.configure(engine={"name": "live", "journal": str(e.rig.place / "journal"),
                        "envelopes": 200, "slice_size": 100})
    e.campaign("null", people("null.test", 10000, 100))
    process = e.send("null", 120)
    checks.equal(process.returncode, 0, f"10,000 without a mail server: {process.said()[-200:]}")
    checks.adds_up(e.rig.report("null"), 10000, 0)


def refused(e, checks):
    """All hosts refuse: deferred, tried again, expired at last, with the last reply kept."""
    e.configure(retry={"first": "1s", "last": "1s", "greylist_first": "1s", "expiry": "20s"})
    e.campaign("dead", people("dead.test", 5))
    began = time.monotonic()
    checks.equal(e.send("dead", 120).returncode, 0, "a site that refuses: ends with")
    report = e.rig.report("dead")
    checks.adds_up(report, 5, 0)
    checks.equal(report["failed_by_class"], {"expired": 5}, "all have expired")
    rows = e.rig.rows("dead", "--attempts")
    tries = len(rows) / 5
    checks.check(tries >= 2, f"after {tries:.1f} attempts each in {time.monotonic() - began:.0f} s")
    texts = {row["text"] for row in e.rig.rows("dead", "--verdict", "failed")}
    checks.check(all("refused" in text.lower() for text in texts),
                 f"the last real reply is kept: {texts}")


def suppressed_later(e, checks):
    """Addresses found dead are suppressed at settlement; the next campaign does not try them."""
    e.configure()
    e.campaign("found", people("reject.test", 25))
    e.send("found")
    checks.adds_up(e.rig.report("found"), 25, 0)
    e.rig.campaign("later", text="Again\n", lists=["found"])
    e.rig.command("campaign", "create", e.rig.place / "later")
    checks.equal(e.send("later").returncode, 0, "a later campaign to dead addresses: ends with")
    report = e.rig.report("later")
    checks.adds_up(report, 25, 0)
    checks.equal(report["suppressed_by_reason"].get("bounced", report["suppressed"]), 25,
                 f"they count as suppressed: {report['suppressed_by_reason']}")


def one_message_each(e, checks):
    """A provider that takes one message a connection."""
    e.configure(provider=[("once", {"mx": [".once.test"], **OPEN,
                                    "messages_per_connection": 1, "connections": 4})])
    e.campaign("once", people("once.test", 200))
    began = time.monotonic()
    checks.equal(e.send("once").returncode, 0, "one message a connection: ends with")
    checks.check(time.monotonic() - began < 20, f"in {time.monotonic() - began:.1f} s")
    checks.adds_up(e.rig.report("once"), 200, len(e.got("@once.test")))


def throttled(e, checks):
    """A path of 10 messages a minute gets no more, is put back, and nobody else waits for it, in an
    engine with little memory."""
    e.configure(engine={"name": "live", "journal": str(e.rig.place / "journal"),
                        "envelopes": 200, "slice_size": 100},
                provider=[("slow", {"mx": [".slow.test"], **OPEN, "message_rate": "10/min"})])
    mixed = [a for pair in zip(people("slow.test", 1500), people("fast.test", 1500))
             for a in pair]
    e.campaign("slow", mixed)
    process = e.start("slow")
    fast = lambda: len(e.got("@fast.test"))
    began = time.monotonic()
    checks.check(r.wait_for(lambda: fast() == 1500, 60),
                 f"1,500 to a fast site in {time.monotonic() - began:.1f} s beside 1,500 to one "
                 f"of 10 a minute (fast: {fast()})")
    slow = len(e.got("@slow.test"))
    allowed = 2 + 10 * (time.monotonic() - began) / 60 + 1
    checks.check(0 < slow <= allowed, f"the slow one got {slow}, at most {allowed:.0f}")
    began = time.monotonic()
    checks.equal(e.rig.stop(process, signal.SIGINT), 5, "Ctrl-C ends it with")
    checks.check(time.monotonic() - began < 5, f"within {time.monotonic() - began:.1f} s")
    report = e.rig.report("slow")
    checks.check(report["delivered"] == len(e.got("@slow.test")) + 1500 and
                 report["in_doubt"] == 0, f"{report['delivered']} settled, nobody in doubt")
    e.rig.command("campaign", "cancel", "slow", check=False)
    e.rig.command("cancel", "slow", check=False)


def few_connections(e, checks):
    """30 sites and 2 connections: those that rest make room for those that have mail."""
    e.configure(engine={"name": "live", "journal": str(e.rig.place / "journal"), "connections": 2})
    e.campaign("few", [a for i in range(1, 31) for a in people(f"site{i}.test", 4, 500)])
    began = time.monotonic()
    before = len(e.got())
    checks.equal(e.send("few").returncode, 0, "30 sites over 2 connections: ends with")
    took = time.monotonic() - began
    checks.check(took < 10, f"in {took:.1f} s, although connections are kept for 5 s")
    checks.adds_up(e.rig.report("few"), 120, len(e.got()) - before)


def larger_slices(e, checks):
    """What an engine with more memory has cut, one with less must be able to send."""
    slow = {**OPEN, "message_rate": "50/s"}
    e.configure(engine={"name": "live", "journal": str(e.rig.place / "journal"),
                        "slice_size": 3000}, default_limits=slow)
    e.campaign("large", people("fast.test", 3000, 5000))
    process = e.start("large")
    before = len(e.got("@fast.test"))
    r.wait_for(lambda: len(e.got("@fast.test")) - before > 50, 20)
    checks.equal(e.rig.stop(process, signal.SIGINT), 5, "stopped in mid-campaign with")
    e.configure(engine={"name": "live", "journal": str(e.rig.place / "journal"),
                        "envelopes": 200, "slice_size": 100})
    process = e.send("large")
    checks.equal(process.returncode, 0, "with room for 200 it goes on; ends with")
    checks.adds_up(e.rig.report("large"), 3000, len(e.got("@fast.test")) - before)


def same_twice(e, checks):
    """A second send of the same campaign by the same engine says so, and does no harm."""
    e.configure(default_limits={**OPEN, "message_rate": "200/s"})
    e.campaign("twice", people("site3.test", 1500))
    before = len(e.got("@site3.test"))
    first = e.start("twice")
    r.wait_for(lambda: len(e.got("@site3.test")) - before > 100, 20)
    second = e.send("twice", 20)
    checks.check(second.returncode == 1 and "another engine is running" in second.said(),
                 f"a second send over the same journal: {second.said().strip()[-160:]}")
    first.wait(60)
    checks.equal(first.returncode, 0, "the first one is not disturbed; ends with")
    now = e.got("@site3.test")[before:]
    checks.equal(len(set(now)), len(now), "nobody got it twice")
    checks.adds_up(e.rig.report("twice"), 1500, len(now))


def same_name(e, checks):
    """Two engines of one name with two journals: the older one ends soon and says why; what it had
    started is in doubt for the newer one, and stands settled or listed in the end."""
    limits = {**OPEN, "message_rate": "200/s"}
    e.configure(default_limits=limits)
    e.campaign("name", people("site8.test", 2000))
    before = len(e.got("@site8.test"))
    first = e.start("name")
    r.wait_for(lambda: len(e.got("@site8.test")) - before > 100, 20)
    other = e.configure("other", engine={"name": "live", "journal": str(e.rig.place / "other")},
                        default_limits=limits)
    second = e.start("name", other)
    began = time.monotonic()
    try:
        first.wait(30)
    except subprocess.TimeoutExpired:
        pass
    checks.check(first.returncode == 1 and "under this engine's name" in first.said(),
                 f"the older one ends with {first.returncode} in {time.monotonic() - began:.1f} s")
    second.wait(60)
    checks.equal(second.returncode, 0, "the newer one ends with")
    now = e.got("@site8.test")[before:]
    report = e.rig.report("name")
    listed = {row["email"] for row in e.rig.rows("name", "--attempts", "--verdict", "in-doubt")}
    twice = {a for a in now if now.count(a) > 1}
    checks.check(report["holds"] and report["open"] == 0 and report["targeted"] == 2000,
                 f"sums hold: delivered {report['delivered']}, in doubt {report['in_doubt']}")
    checks.check(twice <= listed, f"{len(twice)} got it twice, all of them listed in doubt")
    missing = set(people("site8.test", 2000)) - set(now)
    checks.check(missing <= listed, f"{len(missing)} missing, all of them listed in doubt")


def two_engines(e, checks):
    """Two engines with names, journals and sources of their own share one campaign."""
    limits = {**OPEN, "message_rate": "400/s"}
    configs = [e.configure(name, engine={"name": name, "journal": str(e.rig.place / name),
                                         "slice_size": 200, "envelopes": 600},
                           source=[(name, {"helo": f"{name}.news.test"})],
                           default_limits=limits) for name in ("left", "right")]
    e.campaign("shared", people("site4.test", 2000) + people("site5.test", 2000))
    before = len(e.got())
    engines = [e.start("shared", config) for config in configs]
    for engine in engines:
        engine.wait(90)
    checks.equal([engine.returncode for engine in engines], [0, 0], "two engines end with")
    now = e.got()[before:]
    checks.equal(len(set(now)), len(now), "nobody got it from both")
    checks.adds_up(e.rig.report("shared"), 4000, len(now))
    shares = [int(row[0]) for row in e.rig.sql(
        "select position from engines where name in ('left', 'right') order by name")]
    checks.check(min(shares) > max(shares) / 10, f"both got work (journal bytes {shares})")


def twice_interrupted(e, checks):
    """A server hangs after the dot: Ctrl-C waits for it, a second Ctrl-C does not."""
    e.configure()
    e.campaign("hang", people("hang.test", 1), in_doubt="assume")
    process = e.start("hang")
    r.wait_for(lambda: len(e.got("@hang.test")) >= 1, 20)
    process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    checks.check(process.poll() is None, "after one Ctrl-C it waits for the replies")
    began = time.monotonic()
    status = e.rig.stop(process, signal.SIGINT)
    took = time.monotonic() - began
    checks.equal(status, 5, "a second Ctrl-C ends it with")
    checks.check(took < 3, f"at once: {took:.1f} s")
    e.send("hang", 30)
    report = e.rig.report("hang")
    checks.adds_up(report, 1, report["delivered"])
    checks.check(report["in_doubt"] > 0, f"{report['in_doubt']} of 1 is in doubt")


def database_gone_at_end(e, checks):
    """Ctrl-C while the database is away: it ends, and the next send loses nobody."""
    e.configure(default_limits={**OPEN, "message_rate": "100/s"})
    e.campaign("away", people("site6.test", 1000))
    before = len(e.got("@site6.test"))
    process = e.start("away")
    r.wait_for(lambda: len(e.got("@site6.test")) - before > 100, 20)
    e.rig.stop_database()
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    status = e.rig.stop(process, signal.SIGINT)
    took = time.monotonic() - began
    checks.check(status == 5 and took < 15, f"ends with {status} in {took:.1f} s")
    r.run(r.LIVE / "pg.sh", "start", e.rig.place / "pg", "--fast")
    checks.equal(e.send("away").returncode, 0, "the database is back: the next send ends with")
    now = e.got("@site6.test")[before:]
    checks.equal(len(set(now)), 1000, "everybody got it")
    checks.equal(len(now), 1000, "nobody twice")
    checks.adds_up(e.rig.report("away"), 1000, 1000)


def cpu(pid):
    return r.cpu_of(pid)


def idle(e, checks):
    """A paused campaign costs nothing."""
    e.configure(default_limits={**OPEN, "message_rate": "50/s"})
    e.campaign("idle", people("site7.test", 2000))
    before = len(e.got("@site7.test"))
    process = e.start("idle")
    r.wait_for(lambda: len(e.got("@site7.test")) - before > 20, 20)
    e.rig.command("pause", "idle")
    time.sleep(7)  # idle connections have been closed
    began = cpu(process.pid)
    time.sleep(10)
    used = (cpu(process.pid) - began) / 10 * 100
    checks.check(used < 1.5, f"paused, it uses {used:.1f} % of a core")
    e.rig.command("cancel", "idle")
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        pass
    checks.equal(process.returncode, 5, "cancelled, it ends with")
    report = e.rig.report("idle")
    checks.adds_up(report, 2000, len(e.got("@site7.test")) - before)


def encrypted(e, checks):
    """Opportunistic STARTTLS to a certificate nobody vouches for."""
    e.configure(smtp={"port": e.port, "allow_loopback": True, "tls": "may"},
                default_limits={**OPEN, "messages_per_connection": 10})
    e.campaign("tls", people("tls.test", 200))
    checks.equal(e.send("tls").returncode, 0, "STARTTLS: ends with")
    checks.adds_up(e.rig.report("tls"), 200, len(e.got("@tls.test")))


SCENARIOS = [routes, six, static_route, sources, nobody, all_fail_at_once, refused, suppressed_later,
             one_message_each, throttled, few_connections, larger_slices, same_twice, same_name, two_engines,
             twice_interrupted, idle, encrypted, database_gone_at_end]


def main():
    checks = r.Checks()
    e = Engine()
    for scenario in SCENARIOS:
        if len(sys.argv) > 1 and scenario.__name__ not in sys.argv[1:]:
            continue
        print(f"-- {scenario.__name__}", flush=True)
        try:
            scenario(e, checks)
        except Exception as error:
            checks.check(False, f"{scenario.__name__}: {type(error).__name__}: {error}")
        for process in e.rig.processes[1:]:
            if process is not e.sink:
                e.rig.stop(process, signal.SIGKILL)
    e.rig.close()
    checks.end("test_engine")


if __name__ == "__main__":
    main()
