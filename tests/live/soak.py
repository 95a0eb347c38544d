"""The soak: for hours, campaigns of both in-doubt policies to a hostile mix of servers, with
transactional mail beside them and people who unsubscribe meanwhile; engines killed, stopped and
ended in order, PostgreSQL killed; between the rounds seeds of the simulation and histories. After
each round the equation of every campaign is checked against the sink. One engine is never killed:
its memory is watched. The first failure ends it, and its scene stays on disk.

usage: soak.py HOURS [SEED]     make soak HOURS=8 [SEED=N]; a round is of one seed, as printed"""

import collections
import json
import os
import random
import sys
import time

import farm as f
import mishaps as m
import rig as r

ENGINES = 3
LEASE = 6
RECIPIENTS = (1500, 6000)  # of one campaign
RATE = 500                 # a second, of all engines together
UNSUBSCRIBED = 15          # of each campaign
TRANSACTIONAL = 40         # a round
ROUND_LIMIT = 300          # seconds, after which what is not finished counts as stuck
FLUSH_AFTER = 20           # seconds for which a round's end waits by itself
STOP_DELAY = 1.0           # seconds within which an unsubscribe holds everywhere
SLACK = 0.5                # that the sink may have read something late
GROWTH = 24 << 20          # bytes that an engine may grow by, and a fifth
SETTLED_ROUNDS = 3         # after which its memory is compared
# One listener each: what the servers of that site are like.
SITES = ["", "", "delay=150", "reject=3%", "defer=15%", "defer=10%;defer-times=2", "drop-after-dot=2%",
         "drop-after-dot=2%:lost", "tarpit=40", "max-messages-per-connection=10", "split-replies",
         "reject=5%;at=end", "max-connections=3", "no-chunking", "no-pipelining",
         "reject=2%;defer=10%;drop-after-dot=1%;delay=60"]


class Failure(Exception):
    pass


class Soft(r.Checks):
    """Says only what fails."""

    def check(self, holds, claim):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED  {claim}", flush=True)
        return holds


class Letters:
    """What the sink's log and events of one round say."""

    def __init__(self, farm):
        self.farm = farm
        self.log, self.events = m.Tail(farm.log), m.Tail(farm.events_file)
        self.log.lines(), self.events.lines()
        self.taken, self.starts = [], collections.defaultdict(list)

    def read(self):
        for line in self.log.lines():
            address, number, _ = line.decode().split("\t")
            self.taken.append((address, number))
        for line in self.events.lines():
            kind, *rest = line.decode().split("\t")
            if kind == "message":
                for address in rest[5].split(","):
                    self.starts[address].append(int(rest[1]) / 1e6)

    def of(self, prefix):
        return [t for t in self.taken if t[0].startswith(prefix)]


class Campaign:
    def __init__(self, soak, name, policy, count, chance):
        self.soak, self.name, self.policy, self.prefix = soak, name, policy, name + "-"
        self.everybody = set()
        self.left = {}  # who has unsubscribed -> when that was confirmed
        rig, path = soak.rig, soak.rig.place / f"{name}.csv"
        domains = list(soak.farm.domains)
        with open(path, "w") as out:
            out.write("email,first_name\n")
            for i in range(count):
                address = f"{self.prefix}{i}@{chance.choice(domains)}"
                self.everybody.add(address)
                out.write(f"{address},N{i}\n")
        rig.command("import", path, "--list", name)
        path.unlink()
        rig.campaign(name, text="Dear {{ first_name }}\n", in_doubt=policy, lists=[name])
        rig.command("campaign", "create", rig.place / name)
        rig.command("campaign", "start", name)

    def unsubscribe(self, chance):
        address = chance.choice(sorted(self.everybody))
        said = self.soak.rig.command("subscriber", "unsubscribe", address, check=False)
        if said.returncode == 0:
            self.left.setdefault(address, time.monotonic())

    def is_finished(self):
        said = self.soak.rig.command("report", self.name, "--json", check=False)
        return said.returncode == 0 and json.loads(said.stdout)["state"] == "finished"

    def judge(self, checks, letters):
        rig = self.soak.rig
        o = m.Outcome(rig, self.name, self.everybody, letters.of(self.prefix))
        gone = {row["email"] for row in rig.rows(self.name, "--verdict", "suppressed")}
        failed = {row["email"] for row in rig.rows(self.name, "--verdict", "failed")}
        cutting = tuple(f"@site{i + 1}.test" for i, s in enumerate(SITES) if "drop" in s)
        m.equation(checks, o, self.policy, suppressed=gone, failed=failed,
                   cut={a for a in self.everybody if a.endswith(cutting)})
        checks.check(gone <= set(self.left), f"{self.name}: only those who left are suppressed")
        late = [a for a, at in self.left.items()
                if any(s > at + STOP_DELAY + SLACK for s in letters.starts[a])]
        checks.equal(late, [], f"{self.name}: begun later than a second after they had left")
        return o


class Post:
    """Transactional mail, handed over while everything else happens."""

    def __init__(self, soak):
        self.soak, self.asked = soak, {}

    def hand_over(self, tag, chance):
        key = f"{tag}-{len(self.asked)}"
        address = f"post-{key}@{chance.choice(list(self.soak.farm.domains))}"
        said = self.soak.rig.command("post", "receipt", "--to", address, "--set", "order=1", "--key",
                                     key, check=False)
        if said.returncode == 0:
            self.asked[key] = address
        # Otherwise nobody knows whether it was written: asking twice under one key is safe, but
        # here it is forgotten, and may come or not.

    def open(self):
        return int(self.soak.rig.sql("select count(*) from outbox where ended_at is null")[0][0])

    def judge(self, checks, letters):
        got = collections.Counter(a for a, _ in letters.of("post-"))
        listed = {row[0] for row in self.soak.rig.sql(
            "select o.address from deliveries d join outbox o on o.id = d.subscriber_id "
            "where d.verdict = 4")}
        failed = {row[0] for row in self.soak.rig.sql(
            "select address from outbox_status where status in ('failed', 'expired')")}
        wanted = set(self.asked.values())
        missing = wanted - set(got) - failed
        checks.equal(sorted(missing)[:5], [], "transactional: missing at the sink")
        twice = {a for a, n in got.items() if n > 1}
        checks.check(twice <= listed, f"transactional: each of {len(twice)} who got it twice is "
                                      "listed as in doubt")


class Soak:
    def __init__(self, seed):
        self.seed, self.rig = seed, r.Rig("soak")
        self.rig.start_database()
        self.farm = f.Farm(
            self.rig, ENGINES, len(SITES), site_settings=SITES,
            engine={"lease": f"{LEASE}s", "slice_size": 300},
            retry={"first": "1s", "last": "3s", "greylist_first": "1s", "expiry": "1h"},
            campaigns={"ramp": False, "hard": "100%", "blocks": "100%",
                       "lint_off": ["unknown-field", "no-unsubscribe"]},
            default_limits={"message_rate": "unlimited", "connections": 5,
                            "connection_rate": "10000/s", "messages_per_connection": 100},
            limit=[("all", {"message_rate": f"{RATE}/s"})])
        self.rig.campaign("receipt", text="Your order {{ order }}.\n", kind="transactional")
        conf = self.rig.place / "receipt" / "campaign.conf"
        conf.write_text("".join(line for line in conf.read_text().splitlines(True)
                                if not line.startswith("lists")))
        self.rig.command("campaign", "create", self.rig.place / "receipt")
        self.rig.command("campaign", "start", "receipt")
        self.totals = collections.Counter()
        self.memory, self.rounds = [], 0
        self.farm.start()

    # -- what befalls ----------------------------------------------------------------------------

    def stand_up(self):
        for member in self.farm.members:
            itself = not member.paused and not member.runs() and not member.lives[-1].ended_as
            if not member.paused and member.stand_up() and itself:
                self.totals["ended by themselves"] += 1
                print(f"        {member.name}: {member.lives[-2].ended_as}: {member.said()[-400:]}",
                      flush=True)

    def kill(self, chance):
        victims = [x for x in self.farm.living() if x.index > 0]
        for victim in chance.sample(victims, min(len(victims), chance.choice((1, 1, 1, 2)))):
            victim.kill()
            self.totals["engines killed"] += 1

    def drain(self, chance):
        victims = [x for x in self.farm.living() if x.index > 0]
        if victims:
            victim = chance.choice(victims)
            victim.finish()
            self.totals["engines ended in order"] += 1

    def pause(self, chance):
        victims = self.farm.living()
        if victims:
            victim = chance.choice(victims)
            victim.pause()
            victim.resume_at = time.monotonic() + chance.uniform(0.2, 1.8 * LEASE)
            self.totals["engines stopped"] += 1

    def resume(self, everyone=False):
        for member in self.farm.members:
            if member.paused and (everyone or time.monotonic() >= member.resume_at):
                member.resume()

    def kill_database(self, chance):
        m.kill_database(self.rig)
        self.totals["PostgreSQL killed"] += 1
        if chance.random() < 0.3:
            self.kill(chance)
        time.sleep(chance.choice((0, 0, 1, 3)))
        m.restart_database(self.rig)

    # -- a round ---------------------------------------------------------------------------------

    def play(self, number):
        chance = random.Random(f"{self.seed} {number}")
        letters, post = Letters(self.farm), Post(self)
        campaigns = [Campaign(self, f"n{number}{policy[0]}", policy, chance.randint(*RECIPIENTS), chance)
                     for policy in m.POLICIES]
        acts = [self.kill, self.kill, self.kill, self.pause, self.drain, self.kill_database]
        people = sum(len(c.everybody) for c in campaigns)
        began, seconds = time.monotonic(), people / RATE * chance.uniform(0.6, 1.2)
        next_act = began + chance.uniform(0, 3)
        while time.monotonic() < began + seconds:
            self.stand_up()
            self.resume()
            if time.monotonic() >= next_act:
                chance.choice(acts)(chance)
                next_act = time.monotonic() + chance.expovariate(1 / 3.0)
            if chance.random() < 0.15:
                post.hand_over(str(number), chance)
            for campaign in campaigns:
                if len(campaign.left) < UNSUBSCRIBED and chance.random() < 0.15:
                    campaign.unsubscribe(chance)
            time.sleep(0.1)
        self.resume(everyone=True)
        return self.end_round(number, campaigns, post, letters)

    def end_round(self, number, campaigns, post, letters):
        until, flush_at = time.monotonic() + ROUND_LIMIT, time.monotonic() + FLUSH_AFTER
        while not (all(c.is_finished() for c in campaigns) and post.open() == 0):
            self.stand_up()
            if time.monotonic() > flush_at:  # what a throttling server has suspended for minutes
                self.rig.command("flush", check=False)
                self.totals["flushes"] += 1
                flush_at += FLUSH_AFTER
            if time.monotonic() > until:
                raise Failure(f"round {number} is stuck: " + self.rig.command("status").stdout +
                              self.rig.command("nodes").stdout)
            time.sleep(0.5)
        time.sleep(0.4)  # the sink's log is a tenth of a second behind
        letters.read()
        checks = Soft()
        outcomes = [c.judge(checks, letters) for c in campaigns]
        post.judge(checks, letters)
        self.watch_memory(checks)
        for o in outcomes:
            self.totals["recipients"] += len(o.everybody)
            self.totals["in doubt"] += len(o.doubts)
            self.totals["twice"] += len(o.twice)
        self.totals["transactional"] += len(post.asked)
        self.totals["claims"] += checks.passed + checks.failed
        if checks.failed:
            raise Failure(f"round {number}: {checks.failed} claims failed")

    def watch_memory(self, checks):
        """Of the engine that is never killed."""
        for line in open(f"/proc/{self.farm.members[0].engine_pid()}/status"):
            if line.startswith("VmRSS"):
                self.memory.append(int(line.split()[1]) * 1024)
        if len(self.memory) > SETTLED_ROUNDS:
            before, now = max(self.memory[:SETTLED_ROUNDS]), self.memory[-1]
            checks.check(now <= 1.2 * before + GROWTH, "the engine that lives long has grown from "
                         f"{before >> 20} MiB to {now >> 20} MiB")

    def other_proofs(self, number):
        """A slice of the simulation's seeds and of the histories, other ones each time."""
        for name, command in (
                ("simulated seeds", ["make", "-s", "soak-sim", f"SOAK_FIRST={1 + 20 * number}"]),
                ("histories", ["make", "-s", "soak-history", f"SOAK_FIRST={1 + 20 * number}"])):
            done = r.run("nice", *command, cwd=r.ROOT, check=False)
            if done.returncode != 0:
                raise Failure(f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
            self.totals[name] += 20

    def summary(self, began):
        hours = (time.monotonic() - began) / 3600
        print(f"soak: {hours:.2f} h, {self.rounds} rounds; " +
              ", ".join(f"{n:,} {what}" for what, n in self.totals.items()) +
              (f"; memory {self.memory[0] >> 20} to {self.memory[-1] >> 20} MiB" if self.memory else ""),
              flush=True)


def keep_scene(soak, why):
    place = soak.rig.place
    (place / "failure.txt").write_text(why + "\n")
    soak.rig.keep = True
    print(f"FAILED  {why}\n        the scene is kept in {place}: logs of engines and sink, journals, the "
          f"database's files; again by: make soak HOURS=1 SEED={soak.seed}", flush=True)


def main():
    hours = float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else random.randrange(10 ** 6)
    print(f"soak: {hours} h, seed {seed}", flush=True)
    began, told, failed = time.monotonic(), 0, 0
    soak = Soak(seed)
    try:
        while time.monotonic() < began + 3600 * hours:
            soak.play(soak.rounds)
            if not os.environ.get("SOAK_ALONE"):
                soak.other_proofs(soak.rounds)
            soak.rounds += 1
            if time.monotonic() >= began + 3600 * (told + 1):
                told += 1
                soak.summary(began)
    except (Failure, RuntimeError) as failure:
        failed = 1
        keep_scene(soak, str(failure))
    soak.summary(began)
    soak.farm.finish()
    soak.farm.close()
    soak.rig.close()
    print(f"soak: {soak.totals['claims'] - failed} passed, {failed} failed")
    sys.exit(failed)


if __name__ == "__main__":
    main()
