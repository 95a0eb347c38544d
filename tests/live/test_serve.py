"""`rundbrief serve`: campaigns that are started while it runs go out and finish, one is paused and
resumed meanwhile, transactional mail goes out beside them; SIGTERM ends it in order, and the next
one takes up what was left."""

import json
import sys
import time

import rig as r

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}
OTHERS = {"ann@one.test", "bob@one.test"}
STOPPED = 5  # its exit code, as that of send


def got(rig):
    return [a for a, _ in r.logged_recipients(rig.place / "log")]


def serve(rig, err):
    return rig.popen("serve", stderr=open(rig.place / err, "w"))


def sent(rig, name):
    return rig.report(name)["delivered"]


def is_finished(rig, name):
    return rig.report(name)["state"] == "finished"


def start(rig, name):
    return json.loads(rig.command("campaign", "start", name, "--json").stdout)


def holds_what_cannot_be_sent(rig, checks, process):
    rig.campaign("broken", text="Dear {{ first_name }}\n")
    number = str(json.loads(rig.command("campaign", "create", rig.place / "broken",
                                        "--json").stdout)["id"])
    # Nobody can start it like this by command: as if another program had, or an older one.
    rig.sql(f"update templates set text = '{{{{ a | nonsense }}}}' where campaign_id = {number}")
    refused = rig.command("campaign", "start", number, check=False)
    checks.equal(refused.returncode, 6, "a letter that is wrong is not started; exit code")
    rig.sql("update campaigns set state = 1, launched_at = now(), highest_id = 1 "
            f"where id = {number} returning campaign_partition(id)")
    log = rig.place / "first.err"
    checks.check(r.wait_for(lambda: "campaign-held" in log.read_text(), 20),
                 "a campaign that cannot be compiled is held")
    time.sleep(5)
    checks.equal((log.read_text().count("campaign-held"), process.poll()), (1, None),
                 "that is told once, and the engine goes on; exit code")
    rig.command("cancel", "broken")


def takes_up(rig, checks, process, count):
    time.sleep(1)
    checks.equal(process.poll(), None, "with nothing to do it waits; exit code")
    checks.equal(start(rig, "fast"), {"campaign": "fast", "state": "running"}, "start says")
    start(rig, "slow")
    checks.equal(start(rig, "slow")["state"], "running", "started twice it is")
    checks.check(r.wait_for(lambda: sent(rig, "slow") > 0 and sent(rig, "fast") > 0, 30),
                 "both go out")
    rig.command("pause", "slow")
    checks.check(r.wait_for(lambda: is_finished(rig, "fast"), 60), "the one finishes")
    time.sleep(1)
    before = sent(rig, "slow")
    time.sleep(2)
    checks.check(0 < before == sent(rig, "slow") < count, f"the paused one stays at {before}")


def stops_in_order(rig, checks, process, err):
    checks.equal(rig.stop(process), STOPPED, "SIGTERM ends it in order; exit code")
    said = (rig.place / err).read_text()
    checks.check("stopped" in said, "it says so")
    checks.check("/s  " not in said, "no progress where nobody watches")
    checks.equal(rig.sql("select count(*) from slices where state = 1"),
                 [["0"]], "slices that it kept")


def goes_on(rig, checks, count):
    process = serve(rig, "second.err")
    rig.command("resume", "slow")
    r.wait_for(lambda: sent(rig, "slow") > count // 2, 60)
    rig.stop(process)
    checks.check(not is_finished(rig, "slow"), "a second one is stopped amid it")
    process = serve(rig, "third.err")
    checks.check(r.wait_for(lambda: is_finished(rig, "slow"), 60), "a third one finishes it")
    rig.command("campaign", "ready", "News <news@news.test>")
    start(rig, "ready")
    for name in ("ann", "bob"):
        rig.command("post", "ready", "--to", f"{name}@one.test", "--set", "subject=s",
                    "--set", "text=t")
    checks.check(r.wait_for(lambda: "ann@one.test" in got(rig), 20),
                 "transactional mail goes out without another command")
    between = time.monotonic()
    checks.check(r.wait_for(lambda: "bob@one.test" in got(rig), 20) and
                 time.monotonic() - between > 1,
                 "and no faster than the limit that names its campaign")
    stops_in_order(rig, checks, process, "third.err")


def leaves_nothing_to_read(rig, checks):
    """Ended in order with all of it settled: the next start has a position and no records."""
    settled = int(rig.sql("select position from engines where name = 'live'")[0][0])
    left = [(int(f.stem), f.stat().st_size) for f in (rig.place / "journal").glob("*.journal")]
    checks.equal(left, [(settled, 0)], "what is left of the journal")
    checks.check(settled > 0, "something was settled")
    checks.check(f"It ends in order at {settled}." in rig.command("journal").stdout,
                 "and it ends in order")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    checks, rig = r.Checks(), r.Rig("serve")
    rig.prepare(DOMAINS, list(DOMAINS.values()), "--log-recipients", rig.place / "log",
                default_limits={"message_rate": "300/s", "connections": 4},
                limit=[("notices", {"campaign": "ready", "message_rate": "20/min"})])
    r.subscribers_csv(rig.place / "main.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "main.csv", "--list", "main")
    for name in ("fast", "slow"):
        rig.campaign(name, text="Dear {{ first_name }}\n")
        rig.command("campaign", "create", rig.place / name)
    process = serve(rig, "first.err")
    takes_up(rig, checks, process, count)
    holds_what_cannot_be_sent(rig, checks, process)
    stops_in_order(rig, checks, process, "first.err")
    goes_on(rig, checks, count)
    leaves_nothing_to_read(rig, checks)
    for name in ("fast", "slow"):
        checks.adds_up(rig.report(name), count, count)
    wanted = {f"r{i}" for i in range(1, count + 1)}
    times = [a.split("@")[0] for a in got(rig) if a not in OTHERS]
    checks.equal((len(times), set(times) == wanted), (2 * count, True), "nobody twice, all of both")
    rig.close()
    checks.end("serve")


if __name__ == "__main__":
    main()
