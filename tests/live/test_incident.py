"""A provider that suddenly does not know its own users, as Gmail on 14 December 2020: it is found
and stopped, nobody stays suppressed by its word, the other hosts go on; what a person says of it
reaches an engine that is sending, and one that starts anew."""

import json
import sys
import time

import rig as r

DOMAINS = {"big.test": "127.0.0.2", "small.test": "127.0.0.3"}
PACED = {"mx": ["mx.big.test"], "message_rate": "300/s", "connections": 4}


def incidents(rig):
    return json.loads(rig.command("incidents", "--json").stdout)


def suppressed(rig):
    return json.loads(rig.command("suppress", "list", "--json").stdout)


def got(rig, domain=""):
    """Who got it, by the sinks' logs."""
    return [a for name in ("log", "healthy.log") if (rig.place / name).exists()
            for a, _ in r.logged_recipients(rig.place / name) if a.endswith("@" + domain)
            or not domain]


def start(rig, err):
    return rig.popen("send", "letter", "--quiet", stderr=open(rig.place / err, "w"))


def begins(rig, checks, half):
    process = start(rig, "first.err")
    found = r.wait_for(lambda: incidents(rig), 60)
    checks.check(found, "the incident is found")
    incident = incidents(rig)[0]
    print(f"   {incident['bad']} of {incident['answers']} answers ({incident['percent']} %), "
          f"{incident['held']} suppressions held")
    checks.equal((incident["provider"], incident["state"]), ("big", "open"), "it is the provider's")
    checks.check(200 <= incident["answers"] < 600, "within the first answers that count")
    checks.check(r.wait_for(lambda: len(got(rig, "small.test")) == half, 60),
                 "the other host gets all of its mail meanwhile")
    checks.equal(suppressed(rig), [], "suppressions left standing")
    said = (rig.place / "first.err").read_text()
    checks.check("mailboxes that they do not exist" in said, "the log says so in a sentence")
    rig.stop(process)
    return incident["id"]


def stays_stopped(rig, checks):
    before = len(got(rig, "big.test"))
    rig.sql("update slices set due_at = now() where state = 0")
    process = start(rig, "second.err")
    time.sleep(4)
    checks.equal(len(got(rig, "big.test")), before,
                 "an engine that starts meanwhile sends nothing there; more got it")
    checks.equal(len(incidents(rig)), 1, "it is one incident")
    return process


def goes_on(rig, checks, incident, process, count):
    held = json.loads(rig.command("incidents", "show", str(incident), "--json").stdout)
    failed = {row["email"] for row in rig.rows("letter", "--verdict", "failed")}
    checks.check(held and {row["email"] for row in held} == failed,
                 f"the {len(failed)} who failed meanwhile are listed with it")
    rig.command("incidents", "resolve", str(incident), "--false-alarm")
    r.wait_for(lambda: process.poll() is not None, 60)
    checks.equal(process.poll(), 0, "what waited goes out at once; send ends with")
    report = rig.report("letter")
    checks.equal(report["state"], "finished", "state")
    checks.adds_up(report, count, len(got(rig)))
    checks.equal(report["failed"], len(failed), "nobody failed after it was over")
    checks.equal(suppressed(rig), [], "wrong suppressions left standing at the end")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    checks, rig = r.Checks(), r.Rig("incident")
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sick = rig.start_sink("--log-recipients", rig.place / "log",
                                listeners=["127.0.0.2;reject=35%", "127.0.0.3"])
    rig.prepare_with(port, provider=[("big", PACED)])
    r.subscribers_csv(rig.place / "main.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "main.csv", "--list", "main")
    rig.campaign("letter", text="Dear {{ first_name }}\n")
    rig.command("campaign", "create", rig.place / "letter")
    half = int(rig.sql("select count(*) from subscribers where domain = 'small.test'")[0][0])
    incident = begins(rig, checks, half)
    rig.stop(sick)
    rig.start_sink("--log-recipients", rig.place / "healthy.log", port=port,
                   count_file=rig.place / "sink-healthy.json", listeners=list(DOMAINS.values()))
    process = stays_stopped(rig, checks)
    goes_on(rig, checks, incident, process, count)
    rig.close()
    checks.end("incident")


if __name__ == "__main__":
    main()
