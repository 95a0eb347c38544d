"""Transactional mail: handed over by inserting a row, sent at once, told what became of it; a
newsletter that fills the same connections does not hold it up; what was handed over twice under
one key is sent once; an engine killed in the middle sends nobody twice."""

import json
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import rig as r

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}
ENDED = "select count(*) from outbox where ended_at is not null"


def begin(rig):
    rig.prepare(DOMAINS, ["127.0.0.2", "127.0.0.3;defer=20%"], "--log-recipients",
                rig.place / "log")
    folder = rig.campaign("receipt", text="Dear {{ name }}, your order {{ order }}.\n",
                          subject="Order {{ order }}", kind="transactional")
    conf = folder / "campaign.conf"
    conf.write_text("".join(line for line in conf.read_text().splitlines(True)
                            if not line.startswith("lists")))
    rig.command("campaign", "create", folder)


def start(rig):
    process = rig.popen("send", "receipt", "--quiet", stderr=open(rig.place / "err", "a"),
                        start_new_session=True)
    r.wait_for(lambda: rig.sql("select state from campaigns where name = 'receipt'") == [["1"]], 20)
    r.wait_for(lambda: rig.sql("select 1 from pg_stat_activity where application_name = "
                               "'rundbrief urgent'"), 20)
    return process


def insert(rig, first, count, domain="one.test"):
    rig.sql("insert into outbox (template, address, name, attributes, key) select 'receipt', "
            f"'t' || n || '@{domain}', 'T' || n, jsonb_build_object('order', n), 'order-' || n "
            f"from generate_series({first}, {first + count - 1}) n "
            "on conflict (tenant_id, key) do nothing")


def got(rig):
    return [a for a, _ in r.logged_recipients(rig.place / "log")]


def to_domain(rig, domain):
    return [a for a in got(rig) if a.endswith("@" + domain)]


def one_by_one(rig, checks, count):
    """From the insert to the sink's log, seen by a program that looks every few milliseconds."""
    times = []
    for n in range(1, count + 1):
        began = time.monotonic()
        insert(rig, n, 1)
        if r.wait_for(lambda: f"t{n}@one.test" in got(rig), 10, 0.005):
            times.append(time.monotonic() - began)
    checks.equal(len(times), count, "each leaves by itself")
    print(f"   from the insert to the sink: median {statistics.median(times) * 1e3:.0f} ms")


def while_settling(rig, checks):
    """The engine's row is locked as by a settlement, which moves the engine's position, for two
    seconds. A heartbeat does wait for that, and claims behind it: hence several tries."""
    times = []
    for n in range(101, 104):
        settling = subprocess.Popen(["psql", "-XAtq", rig.conninfo], stdin=subprocess.PIPE, text=True)
        settling.stdin.write("begin; update engines set position = position; select pg_sleep(2); "
                             "commit;\n")
        settling.stdin.close()
        r.wait_for(lambda: rig.sql("select 1 from pg_stat_activity where query like '%pg_sleep(2)%' "
                                   "and pid <> pg_backend_pid() and xact_start is not null"), 5, 0.02)
        began = time.monotonic()
        insert(rig, n, 1)
        r.wait_for(lambda: f"t{n}@one.test" in got(rig), 10, 0.005)
        times.append(time.monotonic() - began)
        settling.wait(10)
    checks.check(min(times) < 1.5, "a message does not wait for a settlement under way")


def many(rig, checks, count):
    insert(rig, 1000, count, "two.test")
    insert(rig, 1000, count, "two.test")
    done = r.wait_for(lambda: int(rig.sql(ENDED)[0][0]) >= count + 23, 90)
    checks.check(done, "all of many end, a fifth after a deferral")
    # The sink writes its log up to a tenth of a second behind.
    r.wait_for(lambda: len(to_domain(rig, "two.test")) >= count, 10)
    addresses = to_domain(rig, "two.test")
    checks.equal(len(addresses), count, "asked for twice under one key, sent once; messages")
    checks.equal(len(set(addresses)), count, "to as many people")
    checks.equal(rig.sql("select status, count(*) from outbox_status group by 1"),
                 [["delivered", str(count + 23)]], "their status")


def after_kill(rig):
    return [a for a in got(rig) if int(a[1:a.index("@")]) >= 100000]


def yields(checks, process):
    """It is alone in its session, which leaves the database the larger share of a core."""
    group = pathlib.Path(f"/proc/{process.pid}/autogroup")
    if group.exists():
        checks.check(r.wait_for(lambda: group.read_text().split()[-1] == "10", 5),
                     f"the session yields to others: {group.read_text().strip()}")


def killed(rig, checks, process, count):
    insert(rig, 100000, count)
    r.wait_for(lambda: len(got(rig)) > 320, 30, 0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process = start(rig)
    checks.check(r.wait_for(lambda: rig.sql("select count(*) from outbox where ended_at is null")
                            == [["0"]], 60), "after a kill all of them end")
    doubt = int(rig.sql("select count(*) from outbox_status where status = 'in-doubt'")[0][0])
    r.wait_for(lambda: len(set(after_kill(rig))) + doubt >= count, 10)
    addresses = after_kill(rig)
    checks.check(len(set(addresses)) + doubt >= count, f"{len(set(addresses))} got it, {doubt} are "
                 f"in doubt, of {count}")
    # The policy of transactional mail in doubt is to try again, so that one may come twice: listed.
    listed = int(rig.sql("select count(distinct subscriber_id) from deliveries where verdict = 4")
                 [0][0])
    twice = len(addresses) - len(set(addresses))
    checks.check(twice <= listed, f"{twice} got it twice, {listed} were listed as in doubt")
    return process


def says_so(rig, checks, process):
    said = json.loads(rig.command("post", "receipt", "--to", "ann@one.test", "--set", "order=7",
                                  "--key", "k7", "--not-before", "3s", "--json").stdout)
    status = json.loads(rig.command("post", "--status", "k7", "--json").stdout)
    status = status[0] if isinstance(status, list) else status
    checks.equal(status["status"], "queued", "not before its time")
    checks.check(said and r.wait_for(lambda: "ann@one.test" in got(rig), 15), "then it leaves")
    rig.command("suppress", "add", "dead@one.test")
    rig.command("post", "receipt", "--to", "dead@one.test", "--set", "order=8", "--key", "k8")
    checks.check(r.wait_for(lambda: rig.sql("select status from outbox_status where key = 'k8'")
                            == [["suppressed"]], 15), "a suppressed address gets nothing")
    checks.equal(rig.stop(process), 5, "stopped in order; send ends with")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    checks, rig = r.Checks(), r.Rig("outbox")
    begin(rig)
    process = start(rig)
    one_by_one(rig, checks, 20)
    yields(checks, process)
    while_settling(rig, checks)
    many(rig, checks, count)
    process = killed(rig, checks, process, 10 * count)
    says_so(rig, checks, process)
    rig.close()
    checks.end("outbox")


if __name__ == "__main__":
    main()
