"""Three engines share a database, each in a network namespace of its own and with its own source:
one is killed every few seconds and started again, one is stopped (SIGSTOP) for longer than its
lease, and at last one machine is gone for good, journal and all. The sink says whether limits
held in sum and how soon the rate was back; the equation of the campaign holds.

usage: test_nodes.py [RECIPIENTS [RATE [LEASE [EVERY [SECONDS [POLICY]]]]]]
Unless told: 4,200 at 300/s, a lease of 3 s, a kill every 3 s for 9 s, assume;
make show-nodes: 200,000 at 600/s, 30 s, a kill every 20 s for five minutes. SEED=N repeats it.
What depends on the machine's speed is printed by the small form, and claimed by the large one."""

import os
import random
import sys
import time

import farm as f
import mishaps as m
import rig as r

SITES = 12
DELAY_MS = 30
BURST_SECONDS = 0.05 # that a rate may be ahead of itself: what its burst is without being told
SLACK = 0.25         # seconds that the sink may have read something late,
SLACK_SMALL = 1.5    # where the machine may be busy with other tests
CONNECTIONS = 60     # at once, in sum
CONNECTION_RATE = 40 # a second, in sum
MARKED_SECONDS = 0.4 # of its rate, that an engine may have marked and not settled


class Plan:
    def __init__(self, numbers, policy):
        self.count, self.rate, self.lease, self.every, self.seconds = map(int, numbers)
        self.policy = policy
        self.large = self.seconds >= 60

    def claim(self, checks, holds, claim):
        if self.large:
            checks.check(holds, claim)
        else:
            print(f"        {'' if holds else 'NOT '}{claim}", flush=True)


def wait(farm, seconds):
    """Meanwhile whoever ended by itself is started again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for member in farm.members:
            if not member.paused and member.stand_up():
                print(f"        {member.name} ended by itself: {member.lives[-2].ended_as}: "
                      f"{member.said()[-300:]}", flush=True)
        time.sleep(0.05)


def mishaps(farm, plan, chance, history):
    """Kills for so many seconds, and in their middle one engine stopped past its lease."""
    began = time.monotonic()
    stopped, resume_at = None, None
    next_kill = began + plan.every / 2
    while time.monotonic() < began + plan.seconds or stopped:
        now = time.monotonic()
        if now >= began + plan.seconds / 3 and resume_at is None:
            stopped = chance.choice(farm.living())
            stopped.pause()
            resume_at = now + plan.lease * 1.4
            history.append((now, f"{stopped.name} stopped"))
        if stopped and now >= resume_at:
            stopped.resume()
            history.append((now, f"{stopped.name} continued"))
            stopped = None
        if now >= next_kill and now < began + plan.seconds:
            victim = chance.choice(farm.living())
            victim.kill()
            history.append((now, f"{victim.name} killed"))
            victim.start()
            next_kill += plan.every
        wait(farm, 0.05)


def remove_one(farm, plan, chance, history):
    """The machine is gone; what waits for its journal is decided by a person's word."""
    victim = chance.choice(farm.living())
    victim.remove()
    history.append((victim.removed, f"{victim.name} removed for good"))
    wait(farm, plan.lease + 1)
    said = farm.rig.command("nodes", "forget", victim.name, "--yes", "--json", check=False)
    print(f"        forget {victim.name}: {said.stdout.strip()} {said.stderr.strip()}", flush=True)
    return victim


def reaches(farm, tail, rate):
    """Nine tenths of it in a second, within twenty seconds."""
    for _ in range(20):
        before = tail.so_far()
        wait(farm, 1)
        if tail.so_far() - before >= 0.9 * rate:
            return True
    return False


# --- what the sink saw ---------------------------------------------------------------------------

def most_within(times, seconds):
    """The most that fell into any window so long."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] < at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def check_rate(checks, plan, what, times, rate):
    for seconds in (1, 5, 20) if plan.large else (5,):
        most = most_within(times, seconds)
        allowed = rate * (seconds + (SLACK if plan.large else SLACK_SMALL) + BURST_SECONDS) + 1
        checks.check(most <= allowed, f"{what} in any {seconds} s: at most {most}, of "
                                      f"{rate * seconds} and {allowed - rate * seconds:.0f} for "
                                      "the burst and the sink's own delay")


def most_open(connections, stopped):
    """At once, those apart from then on that an engine held open when it was stopped, or when its
    machine was gone without a word; how many these were, and how long after it went on the last
    of them was closed."""
    changes, apart, longest = [], 0, 0.0
    for c in connections:
        spans = [(s, e) for peer, s, e in stopped if peer == c.peer and c.opened < s < c.closed]
        apart += bool(spans)
        changes += [(c.opened, 1), (min([c.closed] + [s for s, _ in spans]), -1)]
        longest = max([longest] + [c.closed - e for _, e in spans if e < c.closed < float("inf")])
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most, apart, longest


def recovery(events, at, plan, before):
    """Seconds from a mishap until the rate was back at nine tenths, over a second."""
    for step in range(0, int(4 * plan.lease / 0.25)):
        since = at + step * 0.25
        if len(events.between(since, since + 1)) >= 0.9 * before:
            return since - at
    return float("inf")


def check_recovery(checks, events, history, plan):
    """To nine tenths of the limit, over a second; before the first mishap it was there."""
    last, before = events.starts[-1], plan.rate
    worst, counted = 0, 0
    for at, what in history:
        if at + 2 * plan.lease + 1 > last:
            continue
        took = recovery(events, at, plan, before)
        counted += 1
        worst = max(worst, took)
        print(f"        {what}: back at nine tenths of {before:.0f}/s after {took:.1f} s")
    plan.claim(checks, counted > 0 and worst <= 2 * plan.lease,
               f"after each of {counted} mishaps the rate is back within two leases "
               f"({2 * plan.lease} s): {worst:.1f} s at the longest")


def check_limits(checks, events, farm, plan):
    stopped = [(member.address, s, e) for member in farm.members for s, e in member.stops]
    stopped += [(member.address, member.removed, float("inf")) for member in farm.members
                if member.removed]
    check_rate(checks, plan, "message starts", events.starts, plan.rate)
    check_rate(checks, plan, "new connections", [c.opened for c in events.in_order], CONNECTION_RATE)
    most, apart, longest = most_open(events.in_order, stopped)
    checks.check(most <= CONNECTIONS, f"open at once: at most {most} of {CONNECTIONS}; "
                                      f"{apart} of the stopped and the lost one apart, closed up "
                                      f"to {longest:.1f} s after it went on")


def check_removed(checks, rig, o, events, victim, plan):
    """Its successors mail nobody a second time; who is in doubt is listed, and few."""
    own = {name for t in events.transactions if t.peer == victim.address and t.code == 250
           for name in t.recipients}
    again = {name for t in events.transactions if t.peer != victim.address and
             t.mail > victim.removed for name in t.recipients} & own
    lost = {row["email"] for row in o.doubts if "journal" in (row.get("text") or
                                                             row.get("reply") or "")}
    listed = o.listed
    rate = len([t for t in events.between(victim.removed - 10, victim.removed)
                if t.peer == victim.address]) / 10
    if plan.policy == "assume":
        checks.check(not again, f"{len(again)} whom {victim.name} had mailed are mailed by others")
    else:
        checks.check(again <= listed, f"{len(again)} whom {victim.name} had mailed are mailed "
                                      "again, all listed in doubt")
    unlisted = own - o.delivered - listed
    checks.check(not unlisted, f"the list is complete: {len(unlisted)} of the {len(own)} whom "
                               f"{victim.name} had mailed are neither delivered nor in doubt")
    plan.claim(checks, len(lost) <= MARKED_SECONDS * rate + 1,
               f"{len(lost)} in doubt for the lost journal; 400 ms of {victim.name}'s "
               f"{rate:.0f}/s are {MARKED_SECONDS * rate:.0f}")


def show_nodes(rig, title):
    print(f"        rundbrief nodes, {title}:")
    for line in rig.command("nodes").stdout.splitlines():
        print("          " + line)
    sys.stdout.flush()


def play(farm, checks, plan, chance):
    rig, history = farm.rig, []
    rig.command("campaign", "start", "shared")
    farm.start()
    tail = m.Tail(farm.log)
    checks.check(r.wait_for(lambda: tail.so_far() > plan.rate, 60), "all three begin")
    plan.claim(checks, reaches(farm, tail, plan.rate), "together they reach their limit")
    show_nodes(rig, "all well")
    mishaps(farm, plan, chance, history)
    victim = remove_one(farm, plan, chance, history)
    show_nodes(rig, "one gone")
    until = time.monotonic() + plan.count / plan.rate + 10 * plan.lease + 120
    while time.monotonic() < until and rig.report("shared")["state"] != "finished":
        wait(farm, 0.5)
    show_nodes(rig, "at the end")
    codes = farm.finish()
    print(f"        SIGTERM: exit {codes}")
    return history, victim


def main():
    given = sys.argv[1:] + ["4200", "300", "3", "3", "9", "assume"][len(sys.argv) - 1:]
    plan = Plan(given[:5], given[5])
    seed = int(os.environ.get("SEED", random.randrange(10 ** 6)))
    print(f"        SEED={seed} test_nodes.py {' '.join(given)}", flush=True)
    checks, rig = r.Checks(), r.Rig("nodes" if len(sys.argv) == 1 else f"nodes-{given[0]}")
    rig.start_database()
    farm = f.Farm(rig, 3, SITES, ("--delay", str(DELAY_MS)),
                  engine={"lease": f"{plan.lease}s", "slice_size": 400},
                  default_limits={"message_rate": "unlimited", "connections": 10,
                                  "connection_rate": "10000/s", "messages_per_connection": 200},
                  limit=[("all", {"message_rate": f"{plan.rate}/s", "connections": CONNECTIONS,
                                  "connection_rate": f"{CONNECTION_RATE}/s"})])
    print(f"        three engines on {farm.network.kind}")
    r.subscribers_csv(rig.place / "list.csv", plan.count, list(farm.domains))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.campaign("shared", text="Dear {{ first_name }}\n", in_doubt=plan.policy)
    rig.command("campaign", "create", rig.place / "shared")
    history, victim = play(farm, checks, plan, random.Random(seed))
    farm.close()
    events = m.Events(farm.events_file)
    people = {line.split(",")[0] for line in (rig.place / "list.csv").read_text().splitlines()[1:]}
    o = m.Outcome(rig, "shared", people, r.logged_recipients(farm.log))
    o.say()
    m.equation(checks, o, plan.policy)
    check_limits(checks, events, farm, plan)
    check_recovery(checks, events, history, plan)
    check_removed(checks, rig, o, events, victim, plan)
    rig.close()
    checks.end("nodes")


if __name__ == "__main__":
    main()
