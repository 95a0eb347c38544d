"""`rundbrief serve` under a service manager: ready after recovery and not before, pings only while
every worker turns, a reload that ends no connection, and an end in order, or less so, after which
nobody is lost. The manager is a real socket (NOTIFY_SOCKET); a worker that hangs is one thread
stopped by ptrace.

usage: test_service.py [RECIPIENTS]   2,000 unless told"""

import collections
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 5)}
SLOW = "127.0.0.9"
WATCHDOG = 2.0
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
STOPPED = 5  # exit code of serve after SIGTERM


class Manager:
    """Listens as systemd does; knows what was said, and when."""

    def __init__(self):
        name = f"rundbrief-test-{os.getpid()}-{id(self)}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name)
        self.environment = {"NOTIFY_SOCKET": "@" + name,
                            "WATCHDOG_USEC": str(int(WATCHDOG * 1e6))}
        self.said = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text = self.socket.recv(4096).decode()
            self.said.append((time.monotonic(), dict(line.split("=", 1)
                                                     for line in text.splitlines())))

    def when(self, key, value=None, after=0.0):
        return [at for at, said in list(self.said)
                if key in said and value in (None, said[key]) and at >= after]

    def hears(self, key, value=None, after=0.0, limit=20):
        return r.wait_for(lambda: self.when(key, value, after), limit, 0.02)


@contextlib.contextmanager
def frozen(process, worker):
    """One thread of the process does not run; the others do."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long] * 4
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    thread = next(int(t.name) for t in tasks.iterdir()
                  if (t / "comm").read_text().strip() == worker)
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if ptrace(request, thread, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace of {worker}")
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread, 0, 0)


def got(rig):
    return collections.Counter(a for a, _ in r.logged_recipients(rig.place / "log"))


def starts(rig):
    return [int(line.split("\t")[2]) / 1e6 for line in (rig.place / "events").read_text().splitlines()
            if line.startswith("message\t")]


class Service:
    def __init__(self, rig, checks):
        self.rig, self.checks = rig, checks
        self.err = rig.place / "err"

    def start(self, manager=None):
        with open(self.err, "a") as err:
            with changed(os.environ, manager.environment if manager else {}):
                return self.rig.popen("serve", "--verbose", stderr=err, start_new_session=True)

    def is_ready_after_recovery(self, manager):
        """The last engine was killed; the next one cannot settle what it left while slices are
        locked."""
        process = self.start()
        r.wait_for(lambda: sum(got(self.rig).values()) > 50, 30)
        self.rig.stop(process, signal.SIGKILL)
        lock = subprocess.Popen(["psql", "-XAtq", self.rig.conninfo], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        lock.stdin.write("begin; lock table slices; select 'locked';\n")
        lock.stdin.flush()
        lock.stdout.readline()
        process = self.start(manager)
        self.checks.check(manager.hears("STATUS"), "it says that it settles what was left: " +
                          str([said for _, said in manager.said]))
        time.sleep(1)
        self.checks.equal((len(manager.when("READY")), process.poll()), (0, None),
                          "while it cannot, it is not ready; ready, exit code")
        lock.stdin.close()
        lock.wait()
        released = time.monotonic()
        self.checks.check(manager.hears("READY", "1"), "it is ready once it could")
        self.checks.check("recovered" in self.err.read_text() and
                          min(manager.when("READY")) > released, "which it was not before")
        return process

    def pings_while_all_turn(self, manager, process, workers):
        began = time.monotonic()
        time.sleep(1.5 * WATCHDOG)
        pings = manager.when("WATCHDOG", "1", began)
        gaps = [b - a for a, b in zip([began] + pings, pings + [time.monotonic()])]
        self.checks.check(max(gaps) < WATCHDOG, f"{len(pings)} pings in {1.5 * WATCHDOG:.0f} s, "
                          f"the longest silence {max(gaps):.2f} s")
        for worker in workers:
            with frozen(process, worker):
                time.sleep(WATCHDOG / 2 + 1)  # its patience, and what the looks add
                silent = time.monotonic()
                time.sleep(WATCHDOG)
                self.checks.equal(len(manager.when("WATCHDOG", None, silent)), 0,
                                  f"pings while the {worker} hangs")
            self.checks.check(f"worker={worker}" in self.err.read_text(), "people are told which")
            self.checks.check(manager.hears("WATCHDOG", "1", time.monotonic()),
                              "when it turns again there are pings again")

    def reloads(self, manager, settings):
        """A slower rate counts within a second, on the connections that there are."""
        def hangup(expected, **changes):
            settings.update(changes)
            self.rig.configure(**settings)
            before = time.monotonic()
            self.process.send_signal(signal.SIGHUP)
            self.checks.check(manager.hears("RELOADING", "1", before) and
                              manager.hears("READY", "1", before) and
                              manager.when("MONOTONIC_USEC", None, before),
                              f"RELOADING and READY around {expected}")
            self.checks.check(r.wait_for(lambda: expected in self.err.read_text(), 5),
                              f"it tells: {expected}")
            return time.monotonic()

        opened = self.connections()
        limits = dict(settings["default_limits"])
        at = hangup('changed="default_limits.message_rate"',
                    default_limits={**limits, "message_rate": "2/s"})
        time.sleep(3)
        late = [s for s in starts(self.rig) if s > at + 1]
        self.checks.check(len(late) <= 2 * len(DOMAINS) * 3,
                          f"slower within a second: {len(late)} began in the 2 s after it")
        at = hangup('changed="limit.connections, limit.message_rate, default_limits.message_rate"',
                    default_limits=limits, limit=[("all of it", {"message_rate": "3/s", "connections": 20})])
        time.sleep(3)
        late = [s for s in starts(self.rig) if s > at + 1]
        self.checks.check(2 <= len(late) <= 9,
                          f"a limit over all counts within a second: {len(late)} in 2 s")
        hangup('needs_restart="engine.slice_size"',
               engine={**settings["engine"], "slice_size": 600}, limit=[])
        r.wait_for(lambda: len([s for s in starts(self.rig) if s > at + 4]) > 20, 20)
        self.checks.check(len([s for s in starts(self.rig) if s > at + 4]) > 20,
                          "and without it mail flows again")
        good = self.rig.config.read_text()
        before = time.monotonic()
        self.rig.config.write_text(good.replace("default_limits {", "default_limts {"))
        self.process.send_signal(signal.SIGHUP)
        self.checks.check(r.wait_for(lambda: "reload-refused" in self.err.read_text(), 5) and
                          manager.hears("READY", "1", before) and "default_limts" in
                          self.err.read_text(), "a broken file is refused with its sentence")
        self.rig.config.write_text(good)
        r.wait_for(lambda: [s for s in starts(self.rig) if s > before + 1], 10)
        self.checks.check([s for s in starts(self.rig) if s > before + 1],
                          "what was in force stays")
        self.checks.equal(self.connections(), opened, "connections at the sink, of all that")

    def connections(self):
        return sum(line.startswith("open\t")
                   for line in (self.rig.place / "events").read_text().splitlines())

    def stops_in_order(self, manager):
        before = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.checks.check(manager.hears("STOPPING", "1", before) and
                          manager.when("EXTEND_TIMEOUT_USEC", "50000000", before),
                          "STOPPING, and how long it may take")
        self.checks.equal(self.process.wait(30), STOPPED, "in order; exit code")


class Drain:
    """A host that answers the dot after two seconds; the engine is stopped meanwhile."""

    def __init__(self, rig, checks, settings, count):
        self.rig, self.checks, self.settings, self.count = rig, checks, settings, count
        (rig.place / "slow.csv").write_text(
            "email\n" + "".join(f"s{i}@slow.test\n" for i in range(count)))
        rig.command("import", rig.place / "slow.csv", "--list", "slow")
        folder = rig.campaign("slow", text="Dear reader\n", lists=["slow"], in_doubt="assume")
        rig.command("campaign", "create", folder)
        rig.command("campaign", "start", "slow")

    def taken(self):
        return collections.Counter(a for a, n in got(self.rig).items() if "@slow" in a
                                   for _ in range(n))

    def under_way(self, drain):
        """A new engine, with dots behind it that are not answered."""
        self.rig.configure(**{**self.settings, "engine": {**self.settings["engine"],
                                                          "drain": drain}})
        before = len(self.taken())
        process = self.rig.popen("serve", stderr=open(self.rig.place / "err", "a"))
        r.wait_for(lambda: len(self.taken()) >= before + 3, 30, 0.02)
        return process

    def verdicts(self):
        report = self.rig.report("slow")
        return report["delivered"], report["in_doubt"]

    def ends(self, claim, process, limit, code=STOPPED):
        before = time.monotonic()
        ended = process.wait(60)
        took = time.monotonic() - before
        left = self.rig.sql("select count(*) from slices where state = 1")
        self.checks.equal((ended, left), (code, [["0"]]), f"{claim}: ends after {took:.1f} s; "
                          "exit code, slices that it kept")
        return took

    def run(self):
        process = self.under_way("30s")
        process.send_signal(signal.SIGTERM)
        second = self.rig.command("serve", check=False)
        self.checks.check(second.returncode == 1 and
                          "another engine is running with the journal" in second.stderr,
                          "whoever starts meanwhile is told: " + second.stderr.strip()[:60])
        self.ends("SIGTERM", process, 30)
        accepted = len(self.taken())
        self.checks.equal(self.verdicts(), (accepted, 0),
                          "all that was under way is delivered; delivered, in doubt")

        process = self.under_way("500ms")
        process.send_signal(signal.SIGTERM)
        self.ends("SIGTERM with drain = 500ms", process, 11)
        doubts = self.verdicts()[1]
        self.checks.check(doubts > 0, f"{doubts} in doubt, who were under way")

        process = self.under_way("30s")
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        self.ends("a second SIGTERM", process, 11)
        self.checks.check(self.verdicts()[1] > doubts, "it leaves some in doubt, too")

        process = self.under_way("30s")
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        process.kill()
        process.wait()
        process = self.rig.popen("serve", stderr=open(self.rig.place / "err", "a"))
        r.wait_for(lambda: self.rig.report("slow")["state"] == "finished", 60)
        self.rig.stop(process)
        self.adds_up()

    def adds_up(self):
        report, taken = self.rig.report("slow"), self.taken()
        doubted = {row["email"] for row in self.rig.rows("slow", "--verdict", "in-doubt")}
        everybody = {f"s{i}@slow.test" for i in range(self.count)}
        self.checks.equal((report["state"], report["delivered"] + report["in_doubt"]),
                          ("finished", self.count), f"delivered {report['delivered']} + in doubt "
                          f"{report['in_doubt']} is everybody")
        self.checks.equal(max(taken.values()), 1, "after SIGKILL amid the drain, too, nobody got it"
                          " twice; copies")
        self.checks.equal(everybody - set(taken) - doubted, set(),
                          "nobody is missing who is not in doubt")


def refuses_other_schemas(rig, checks):
    """An engine says so when the tables are not its own, older or newer."""
    newest = rig.sql("select max(number), max(name) from migrations")[0]
    rig.sql("insert into migrations values (9999, 'sql/9999_future.sql', 'x')")
    said = rig.command("serve", check=False)
    checks.check(said.returncode != 0 and "a newer rundbrief has migrated this database" in
                 said.stderr, "tables of a newer one: " + said.stderr.strip())
    rig.sql("delete from migrations where number = 9999")
    checksum = rig.sql(f"delete from migrations where number = {newest[0]} returning checksum")
    said = rig.command("serve", check=False)
    checks.check(said.returncode != 0 and "rundbrief init" in said.stderr,
                 "tables of an older one: " + said.stderr.strip())
    rig.sql(f"insert into migrations values ({newest[0]}, '{newest[1]}', '{checksum[0][0]}')")


@contextlib.contextmanager
def changed(where, what):
    before = {key: where.get(key) for key in what}
    where.update(what)
    try:
        yield
    finally:
        for key, value in before.items():
            where.pop(key) if value is None else where.update({key: value})


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    workers = ("carrier", "feeder", "press") if count > 3000 else ("carrier",)
    checks, rig = r.Checks(), r.Rig("service")
    (rig.place / "events").touch()
    rig.start_database()
    rig.start_zone(r.mail_zone({**DOMAINS, "slow.test": SLOW}))
    port, sink = rig.start_sink("--log-recipients", rig.place / "log",
                                "--log-events", rig.place / "events", "--delay", "20",
                                listeners=[*DOMAINS.values(), SLOW + ";delay=2000"])
    settings = rig.settings(port, default_limits={"message_rate": "20/s", "connections": 4,
                                                  "idle_close": "10m"})
    rig.prepare_with(port, default_limits=settings["default_limits"])
    r.subscribers_csv(rig.place / "main.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "main.csv", "--list", "main")
    rig.campaign("spring", text="Dear {{ first_name }}\n")
    rig.command("campaign", "create", rig.place / "spring")
    rig.command("campaign", "start", "spring")
    manager, service = Manager(), Service(rig, checks)
    service.process = service.is_ready_after_recovery(manager)
    service.pings_while_all_turn(manager, service.process, workers)
    service.reloads(manager, settings)
    service.stops_in_order(manager)
    rig.command("cancel", "spring")
    Drain(rig, checks, settings, 16).run()
    refuses_other_schemas(rig, checks)
    rig.close()
    checks.end("service")


if __name__ == "__main__":
    main()
