"""kill -9 in mid-campaign, again and again, of the engine, of PostgreSQL, of both: nobody is lost,
and nobody is mailed twice without being listed as in doubt.

usage: test_kill9.py [VICTIM [POLICY [RECIPIENTS [KILLS [DATABASE_KILLS [RATE]]]]]]
VICTIM: engine, database, both or each of these; POLICY: retry, assume or each. Unless told: both,
each, 4,000 recipients at what 16 connections carry, 9 kills of the engine and 2 of PostgreSQL;
make show-kill9 runs 200,000 with 200 and 50, at 800/s. SEED=N repeats the moments."""

import collections
import os
import random
import signal
import sys
import threading
import time

import mishaps as m
import rig as r

SITES = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 17)}
VICTIMS = ("engine", "database", "both")
DELAY = 0.04  # seconds before the sink's reply: so that every kill meets transactions in flight
WINDOW = 16   # messages that an engine has under way on one connection at the most
STALL = 60    # seconds without a message, after which the campaign counts as stuck


class Life:
    """One process of the engine, from its start to its end."""

    def __init__(self, process):
        self.process, self.began = process, time.monotonic()
        self.killed = None  # when
        self.ended_as = ""


class Killer:
    """Runs a campaign to its end through kills at moments that are given as shares of it."""

    def __init__(self, rig, name, log, count, chance):
        self.rig, self.name, self.count, self.chance = rig, name, count, chance
        self.tail, self.lives, self.database_kills = m.Tail(log), [], []
        self.mender, self.early, self.ended_itself = None, [], 0
        self.start()

    def start(self):
        with open(self.rig.place / f"{self.name}.err", "a") as err:
            process = self.rig.popen("send", self.name, "--quiet", stderr=err)
        self.lives.append(Life(process))

    @property
    def life(self):
        return self.lives[-1]

    def end_life(self, how):
        self.rig.processes.remove(self.life.process)
        self.life.ended_as = how
        self.start()

    def stand_up(self):
        """Whoever ended because the database was away is started again, as a supervisor would."""
        code = self.life.process.poll()
        if code is None or code == 0:
            return code is None
        self.ended_itself += 1
        time.sleep(0.05)
        self.end_life(f"exit {code}")
        return True

    def wait_lines(self, goal):
        """False: the campaign ended before."""
        before, since = -1, time.monotonic()
        while self.tail.so_far() < goal:
            if not self.stand_up():
                return False
            if self.tail.count != before:
                before, since = self.tail.count, time.monotonic()
            if time.monotonic() - since > STALL:
                raise RuntimeError(f"{self.name}: stuck at {self.tail.count} of {goal}: " +
                                   (self.rig.place / f"{self.name}.err").read_text()[-500:])
            time.sleep(0.004)
        return True

    def kill_engine(self, goal):
        """At the goal, and not before this life has had a message taken."""
        for _ in range(5):
            # What the sink had taken from the life before is in its log by then.
            time.sleep(max(0, self.life.began + 0.15 - time.monotonic()))
            if not self.wait_lines(max(goal, self.tail.so_far() + 1)) or self.kill_sending():
                break
        if self.chance.random() < 0.15:
            self.kill_early()

    def kill_sending(self):
        """False: it had ended in order before the blow came."""
        time.sleep(self.chance.uniform(0, DELAY))
        how = "killed"
        if self.chance.random() < 0.15:
            how = "killed while it drained"
            self.life.process.send_signal(signal.SIGTERM)
            time.sleep(self.chance.uniform(0, 1.5 * DELAY))
        if self.life.process.poll() is None:
            self.life.killed = time.monotonic()
            self.rig.stop(self.life.process, signal.SIGKILL)
        else:
            how = "ended in order"
        self.end_life(how)
        return how != "ended in order"

    def kill_early(self):
        """Once more, while it starts: reads its journal, settles, reopens its slices."""
        time.sleep(self.chance.uniform(0, 0.3))
        if self.life.process.poll() is None:
            self.life.killed = time.monotonic()
            self.rig.stop(self.life.process, signal.SIGKILL)
            self.end_life("killed early")

    def kill_database(self, goal):
        if not self.wait_lines(goal):
            return
        self.mend()
        self.database_kills.append(time.monotonic())
        m.kill_database(self.rig)
        self.mender = threading.Thread(target=m.restart_database, args=(self.rig,))
        self.mender.start()

    def mend(self):
        if self.mender:
            self.mender.join()
            self.mender = None

    def run(self, kills, database_kills):
        """kills: shares of the campaign, ascending over both kinds."""
        plan = sorted([(g, self.kill_engine) for g in kills] +
                      [(g, self.kill_database) for g in database_kills], key=lambda p: p[0])
        for share, kill in plan:
            kill(max(1, int(share * self.count)))
        self.mend()
        until = time.monotonic() + 120
        while self.stand_up() and time.monotonic() < until:
            time.sleep(0.05)
        return self.life.process.poll()


def moments(chance, count):
    return [chance.uniform(0.002, 0.97) for _ in range(count)]


def phases(killer, events):
    """Prints when the kills came: by share of the campaign, and by what the engine did."""
    tenths, doing = [0] * 10, {}
    first, last = events.starts[0], events.starts[-1]
    lives = [life for life in killer.lives if life.killed]
    for life in lives:
        share = (life.killed - first) / (last - first) if last > first else 0
        tenths[min(9, max(0, int(10 * share)))] += 1
        mail = events.first_message(life.began)
        if mail > life.killed:
            what = "before its first message"
        elif life.ended_as != "killed":
            what = "while it drained"
        elif life.killed - mail < 0.25:
            what = "in its first quarter second of sending"
        elif life.killed - mail < 1:
            what = "in its first second"
        else:
            what = "later"
        doing[what] = doing.get(what, 0) + 1
    print(f"        kills of the engine by tenth of the campaign: {tenths}")
    print("        by what it did: " + ", ".join(f"{n} {what}" for what, n in
                                                  sorted(doing.items(), key=lambda x: -x[1])))
    waits = sorted(events.first_message(life.began) - life.began for life in killer.lives
                   if events.first_message(life.began) < (life.killed or float("inf")))
    if waits:
        print(f"        from a start to the first message: median {waits[len(waits) // 2]:.2f} s, "
              f"longest {waits[-1]:.2f} s, of {len(waits)}")


class Flights:
    """What was under way at the kills of the engine, as the sink knows it."""

    def __init__(self, killer, events):
        self.kills = self.met = self.unanswered = self.room_behind = 0
        # Who was under way at each kill -> seconds since the reply was sent, 0: there was none.
        self.ages = collections.defaultdict(list)
        for life in killer.lives:
            if life.killed:
                self.add(life, events)

    def add(self, life, events):
        self.kills, before = self.kills + 1, self.unanswered
        for c in events.open_at(life.killed, life.began):
            under_way = c.under_way(life.killed, m.REPLY_ON_ITS_WAY)
            self.unanswered += sum(t.answered(life.killed) == 0 for t in under_way)
            self.room_behind += bool(under_way) * (WINDOW - 1)
            for t in under_way:
                for name in t.recipients:
                    self.ages[name].append(t.answered(life.killed))
        self.met += self.unanswered > before

    def explain(self, checks, s, doubts):
        """Everyone was under way at as many kills as put him in doubt; how it stood with them."""
        unseen, late, unanswered = 0, [], 0
        for name, times in collections.Counter(row["email"] for row in doubts).items():
            ages = sorted(self.ages[name])[:times]
            unseen += times - len(ages)
            unanswered += ages.count(0)
            late += [a for a in ages if a > 0]
        checks.check(doubts and unseen <= self.room_behind,
                     f"{s.name}: {len(doubts)} attempts in doubt: {unanswered} of the "
                     f"{self.unanswered} transactions in flight at the kills, {len(late)} whose answer "
                     f"was on its way (up to {max(late, default=0) * 1e3:.0f} ms), {unseen} behind "
                     "others on their connection that the sink never read")


class Scenario:
    def __init__(self, victim, policy, count, kills, database_kills, rate):
        self.victim, self.policy, self.count, self.rate = victim, policy, count, rate
        self.kills = kills if victim != "database" else 0
        self.database_kills = database_kills if victim != "engine" else 0
        self.name = f"{victim}-{policy}"


def one(rig, checks, s, seed):
    log, events_file = (rig.place / f"{s.name}.{x}" for x in ("log", "events"))
    port, sink = rig.start_sink("--log-recipients", log, "--log-events", events_file, "--delay",
                                str(int(DELAY * 1000)), listeners=list(SITES.values()))
    limits = {"message_rate": "unlimited", "connections": 20, "messages_per_connection": 0,
              "connection_rate": "10000/s"}
    if s.rate:
        rig.prepare_with(port, default_limits=limits,
                         limit=[("all", {"message_rate": f"{s.rate}/s"})])
    else:  # as many as one connection to each site takes: nothing is drawn at the start
        rig.prepare_with(port, default_limits={**limits, "connections": 1, "flight": "next"})
    rig.campaign(s.name, text="Dear {{ first_name }}\n", in_doubt=s.policy)
    rig.command("campaign", "create", rig.place / s.name)
    chance = random.Random(f"{seed} {s.name}")
    began = time.monotonic()
    killer = Killer(rig, s.name, log, s.count, chance)
    # Some find nothing in flight: what they were to meet waits for the database.
    code = killer.run(moments(chance, s.kills and s.kills * 23 // 20 + 2),
                      moments(chance, s.database_kills))
    took = time.monotonic() - began
    checks.equal(code, 0, f"{s.name}: the last start ends with")
    rig.stop(killer.life.process, signal.SIGKILL)
    rig.stop(sink)
    judge(rig, checks, s, killer, m.Events(events_file), r.logged_recipients(log), took)


def judge(rig, checks, s, killer, events, taken, took):
    flights = Flights(killer, events)
    print(f"        {s.name}: {took:.0f} s, {flights.kills} kills of the engine ({flights.met} with "
          f"transactions in flight), {len(killer.database_kills)} of PostgreSQL, "
          f"{len(killer.lives)} starts, of which {killer.ended_itself} ended by themselves")
    phases(killer, events)
    o = m.Outcome(rig, s.name, {f"r{i}@{d}" for i, d in rig.people}, taken)
    o.say()
    checks.check(flights.met >= s.kills, f"{s.name}: {flights.met} kills of the engine met "
                                         f"transactions in flight, {s.kills} were wanted")
    checks.equal(len(killer.database_kills), s.database_kills, f"{s.name}: kills of PostgreSQL")
    if s.kills:
        flights.explain(checks, s, o.doubts)
    else:
        checks.equal(len(o.doubts), 0, f"{s.name}: nobody is in doubt when only PostgreSQL is "
                                       "killed; attempts in doubt")
    m.equation(checks, o, s.policy)


def read_people(path):
    for line in path.read_text().splitlines()[1:]:
        name, _, domain = line.split(",")[0].partition("@")
        yield int(name[1:]), domain


def main():
    given = sys.argv[1:] + ["both", "each", "4000", "9", "2", "0"][len(sys.argv) - 1:]
    victim, policy, *numbers = given
    count, kills, database_kills, rate = map(int, numbers)
    seed = int(os.environ.get("SEED", random.randrange(10 ** 6)))
    print(f"        SEED={seed} test_kill9.py {' '.join(given)}", flush=True)
    checks, rig = r.Checks(), r.Rig(f"kill9-{victim}-{policy}" if len(sys.argv) > 1 else "kill9")
    rig.start_database()
    rig.start_zone(r.mail_zone(SITES))
    rig.prepare_with(1)
    r.subscribers_csv(rig.place / "list.csv", count, list(SITES))
    rig.people = list(read_people(rig.place / "list.csv"))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    for v in VICTIMS if victim == "each" else (victim,):
        for p in m.POLICIES if policy == "each" else (policy,):
            one(rig, checks, Scenario(v, p, count, kills, database_kills, rate), seed)
    rig.close()
    checks.end("kill9")


if __name__ == "__main__":
    main()
