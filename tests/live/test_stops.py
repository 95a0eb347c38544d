"""Pause, cancel, unsubscribe and suppression while two engines send one campaign: whatever is said,
no message it stops begins more than a second later, on either engine, also to those who were
claimed and waited in memory; a cancelled campaign adds up; and what was launched is not edited.

usage: test_stops.py [RECIPIENTS [ROUNDS]]   4,000 and 1 unless told; make show-stops: 40,000, 10

The promise is one of the clock: a second after the command has come back. What the machine itself
was late by is measured beside it (a thread that sleeps and looks how late it wakes) and allowed on
top, so that a busy machine does not fail an engine that was not served."""

import collections
import copy
import random
import sys
import threading
import time

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 9)}
ENGINES = {"a": "127.0.1.1", "b": "127.0.1.2"}
PROMISE = 1.0
SLACK = 0.15  # the sink reads a turn later than the engine wrote; and what follows
LATE_TIMES = 4  # so many waits for a processor lie between a check and the sink's clock

Start = collections.namedtuple("Start", "at recipient peer")


class Lateness:
    """How late this machine serves who asks: the most that a short sleep took longer."""

    def __init__(self):
        self.worst, self.stopped = 0.0, False
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped:
            before = time.monotonic()
            time.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - before - 0.005)

    def take(self):
        worst, self.worst = self.worst, 0.0
        return worst


def starts(log):
    """Every transaction that a sink has seen the end of, by when it began (its --log-events)."""
    peers, found = {}, []
    for line in log.read_text().splitlines():
        kind, connection, *rest = line.split("\t")
        if kind == "open":
            peers[connection] = rest[1]
        elif kind == "message" and rest[4]:
            found += [Start(int(rest[0]) / 1e6, to, peers[connection])
                      for to in rest[4].split(",")]
    return found


def engines(rig, port, slice_size):
    """The same rig, once for each engine: a configuration, a source and a journal of its own."""
    found = []
    for name, address in ENGINES.items():
        mine = copy.copy(rig)
        mine.place = rig.place / name
        mine.place.mkdir()
        mine.configure(**rig.settings(
            port, engine={"name": name, "journal": str(mine.place / "journal"),
                          "slice_size": slice_size, "envelopes": 3 * slice_size},
            source=[(f"out-{name}", {"address": address, "helo": f"{name}.news.test"})],
            default_limits={"connections": 4, "message_rate": "12/s"}))
        found.append(mine)
    return found


def serve(engine):
    return engine.popen("serve", stderr=open(engine.place / "err", "a"))


class Stops:
    def __init__(self, rig, checks, log, count):
        self.rig, self.checks, self.log, self.count = rig, checks, log, count
        self.late = Lateness()
        self.chance = random.Random(1)

    def launch(self, name, **settings):
        folder = self.rig.campaign(name, text="Dear {{ first_name }}\n", **settings)
        self.rig.command("campaign", "create", folder)
        self.rig.command("campaign", "start", name)

    def flows(self, least=100):
        """Both engines send, and have more in memory than they can start at once."""
        before = len(starts(self.log))
        r.wait_for(lambda: len(starts(self.log)) - before >= least, 60)
        recent = {s.peer for s in starts(self.log)[before:]}
        claimed = self.rig.sql("select lease_engine_id, sum(count) from slices where state = 1 "
                               "group by 1")
        self.checks.equal(recent, set(ENGINES.values()), "both engines send, from")
        self.checks.check(len(claimed) == 2, "both have claimed recipients: " +
                          ", ".join(f"{n} in slices of engine {e}" for e, n in claimed))

    def nothing_after(self, said_at, claim, fits=lambda start: True):
        """Waits, and looks at what began after the promise."""
        time.sleep(PROMISE + 1.5)
        late = self.late.take()
        slack = SLACK + LATE_TIMES * late
        after = [s.at - said_at for s in starts(self.log) if fits(s) and s.at > said_at]
        broken = [s for s in after if s > PROMISE + slack]
        last = max(after, default=0)
        self.checks.check(not broken, f"{claim}: {len(after)} began after it was said, the last "
                          f"{last:.2f} s after; {len(broken)} later than {PROMISE} s and the "
                          f"{slack:.2f} s that this machine was late by")

    def pause_and_resume(self, name):
        self.rig.command("pause", name)
        self.nothing_after(time.monotonic(), "pause")
        self.rig.command("resume", name)

    def people_leave(self, name, rounds):
        """Some unsubscribe, some are suppressed, among them who waits in an engine's memory."""
        begun = {s.recipient for s in starts(self.log)}
        rest = sorted({a for a, in self.rig.sql("select address from subscribers")} - begun)
        chosen = self.chance.sample(rest, min(60 * rounds, len(rest) // 3))
        half = len(chosen) // 2
        listed = self.rig.place / "stopped.txt"
        listed.write_text("\n".join(chosen[:half]) + "\n")
        self.rig.command("suppress", "import", listed)
        gone = ",".join(f"'{a}'" for a in chosen[half:])
        self.rig.sql("update subscriptions set state = 2 where subscriber_id in "
                     f"(select id from subscribers where address in ({gone}))")
        said, them = time.monotonic(), set(chosen)
        time.sleep(3)  # meanwhile their turn comes, for some
        self.nothing_after(said, f"{len(chosen)} who unsubscribed or were suppressed",
                           lambda start: start.recipient in them)
        return them

    def refuses_an_edit(self, name):
        folder = self.rig.campaign(name, text="Quite another letter\n")
        said = self.rig.command("campaign", "create", folder, check=False)
        self.checks.check(said.returncode == 1 and "has been launched" in said.stderr,
                          "a campaign that runs is not edited, and says so")
        self.checks.equal(self.rig.sql("select max(revision) from templates"), [["1"]],
                          "its revision stays")

    def cancel(self, name, left):
        self.rig.command("cancel", name)
        said = time.monotonic()
        self.nothing_after(said, "cancel")
        r.wait_for(lambda: self.rig.report(name)["open"] == 0, 60)
        report = self.rig.report(name)
        times = collections.Counter(a for a, _ in r.logged_recipients(self.rig.place / "got"))
        self.checks.adds_up(report, self.count, len(times))
        self.checks.check(report["cancelled"] > 0, f"{report['cancelled']} were cancelled")
        self.checks.equal(max(times.values()), 1, "copies that anybody got at most")
        delivered = {row["email"] for row in self.rig.rows(name, "--verdict", "delivered")}
        self.checks.equal(delivered ^ set(times), set(), "delivered is who is at the sink, but for")
        stopped = {row["email"] for row in self.rig.rows(name, "--verdict", "suppressed")}
        self.checks.check(stopped and stopped <= left, f"of the {len(left)} who had left, "
                          f"{len(left & delivered)} had begun and {len(stopped)} were stopped; "
                          "nobody else")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    checks, rig = r.Checks(), r.Rig("stops")
    log = rig.place / "events"
    log.touch()
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, _ = rig.start_sink("--log-recipients", rig.place / "got", "--log-events", log,
                             "--delay", "20", listeners=list(DOMAINS.values()))
    rig.prepare_with(port)
    r.subscribers_csv(rig.place / "main.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "main.csv", "--list", "main")
    processes = [serve(engine) for engine in engines(rig, port, max(500, count // 8))]
    stops = Stops(rig, checks, log, count)
    stops.launch("spring")
    for _ in range(rounds):
        stops.flows()
        stops.pause_and_resume("spring")
    stops.flows()
    left = stops.people_leave("spring", rounds)
    stops.refuses_an_edit("spring")
    stops.cancel("spring", left)
    for process in processes:
        checks.equal(rig.stop(process), 5, "an engine ends in order; exit code")
    rig.close()
    checks.end("stops")


if __name__ == "__main__":
    main()
