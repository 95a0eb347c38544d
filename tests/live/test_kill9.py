"""kill -9 of the engine in mid-campaign, again and again: nobody is lost, and nobody is mailed
twice without being listed as in doubt.

usage: test_kill9.py [RECIPIENTS [KILLS [SECONDS]]]   6,000, 10 and 12 unless told;
                                                      make show-kill9: 50,000, 10, 60"""

import collections
import random
import signal
import sys
import time

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 5)}


def start(rig, name):
    return rig.popen("send", name, "--quiet", stderr=open(rig.place / f"{name}.err", "a"))


def kill_on_the_way(rig, name, kills, log, count, seconds):
    """Kills at moments spread over the campaign, while mail flows; returns how many it were."""
    done = 0
    for i in range(kills):
        process = start(rig, name)
        goal = min(count * (i + 1) // (kills + 1), count - 1)
        if not r.wait_for(lambda: process.poll() is not None or lines(log) >= goal,
                          seconds + 30, 0.02):
            raise RuntimeError(f"{name}: {lines(log)} of {goal} after kill {i}")
        time.sleep(random.uniform(0, 0.05))
        if process.poll() is None:
            rig.stop(process, signal.SIGKILL)
            done += 1
    return done


def lines(log):
    with open(log, "rb") as f:
        return sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))


def in_doubt(rig, name):
    """Whoever was listed as in doubt by any attempt, and who stands so at the end."""
    rows = rig.rows(name, "--attempts", "--verdict", "in-doubt")
    return ({row["email"] for row in rows},
            {row["email"] for row in rig.rows(name, "--verdict", "in-doubt")})


def one_policy(rig, checks, policy, count, kills, seconds):
    # The sink waits before its reply, so that every kill meets transactions in flight.
    log = rig.place / f"{policy}.log"
    log.touch()
    port, sink = rig.start_sink("--log-recipients", log, "--delay", "20",
                                listeners=list(DOMAINS.values()))
    rate = max(1, count // seconds // len(DOMAINS))
    rig.prepare_with(port, default_limits={
        "message_rate": f"{rate}/s", "connections": 20, "messages_per_connection": 0,
        "connection_rate": "10000/s"}, smtp={"port": port})
    rig.campaign(policy, text="Dear {{ first_name }}\n", in_doubt=policy)
    rig.command("campaign", "create", rig.place / policy)
    began = time.monotonic()
    killed = kill_on_the_way(rig, policy, kills, log, count, seconds)
    final = rig.command("send", policy, "--quiet", timeout=seconds * 2 + 60)
    took = time.monotonic() - began
    checks.equal(killed, kills, f"{policy}: kills while it was sending, in {took:.0f} s")
    checks.equal(final.returncode, 0, f"{policy}: the last start ends with")
    rig.stop(sink)

    got = collections.Counter(address for address, _ in r.logged_recipients(log))
    ids = collections.Counter(i for _, i in r.logged_recipients(log))
    everybody = {f"r{i}" for i in range(1, count + 1)}
    reached = {address.split("@")[0] for address in got}
    twice = {address for address, times in got.items() if times > 1}
    listed, standing = in_doubt(rig, policy)
    listed_names = {address.split("@")[0] for address in listed}
    missing = everybody - reached
    report = rig.report(policy)
    print(f"        {policy}: {count} targeted, {len(reached)} reached, {len(missing)} missing, "
          f"{len(twice)} twice, {len(listed)} listed in doubt, {len(standing)} so at the end")
    checks.check(reached <= everybody, f"{policy}: nobody else was written to")
    checks.check(len(listed) > 0, f"{policy}: kills met transactions in flight")
    if policy == "retry":
        checks.equal(len(missing), 0, "retry: missing at the sink")
        checks.check(twice <= listed, f"retry: each of the {len(twice)} who got it twice is "
                                      "listed as in doubt")
        checks.check(all(n <= 1 + kills for n in got.values()) and
                     len(ids) == len(got), "retry: the second copy has the Message-ID of the first")
    else:
        checks.equal(len(twice), 0, "assume: got it twice")
        checks.check(missing <= listed_names, f"assume: each of the {len(missing)} missing is "
                                              "listed as in doubt")
    endings = report["delivered"] + report["failed"] + report["in_doubt"]
    checks.check(report["holds"] and report["open"] == 0 and endings == count,
                 f"{policy}: {count} = delivered {report['delivered']} + failed "
                 f"{report['failed']} + in doubt {report['in_doubt']}")
    settled = {row["email"] for row in rig.rows(policy, "--verdict", "delivered")}
    checks.check(settled <= set(got), f"{policy}: all {len(settled)} delivered are at the sink")
    checks.equal(len(settled), report["delivered"], f"{policy}: rows behind delivered")


def main():
    numbers = [int(a) for a in sys.argv[1:]] + [6000, 10, 12][len(sys.argv) - 1:]
    count, kills, seconds = numbers
    checks, rig = r.Checks(), r.Rig("kill9")
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    rig.prepare_with(1)
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    for policy in ("retry", "assume"):
        one_policy(rig, checks, policy, count, kills, seconds)
    rig.close()
    checks.end("kill9")


if __name__ == "__main__":
    main()
