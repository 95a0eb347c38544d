"""A campaign looks after itself: a list of dead addresses pauses after its sample, a provider that
blocks pauses it, a window that is closed waits and opens, one that is over ends it, a window is
filled evenly, and a recipient's own night is kept.

usage: test_policy.py [RECIPIENTS]   of the fast campaign; the figures are for 100000"""

import datetime
import json
import shutil
import sys
import time

import rig as r

DOMAINS = {"good.test": "127.0.0.2", "dead.test": "127.0.0.3", "block.test": "127.0.0.4"}
DEAD = "550 5.1.1 no such user here"
BLOCK = "550 5.7.1 message rejected for policy reasons"


def prepare(rig, count):
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, _ = rig.start_sink(listeners=["127.0.0.2"])
    rig.start_sink("--reject", f"20%:{DEAD}", listeners=["127.0.0.3"], port=port,
                   count_file=rig.place / "dead.json")
    rig.start_sink("--reject", f"10%:{BLOCK}", listeners=["127.0.0.4"], port=port,
                   count_file=rig.place / "block.json")
    sections = rig.settings(port, provider=[("big", {"mx": [".block.test"]})])
    # All else as it is built in.
    sections["campaigns"] = {"lint_off": sections["campaigns"]["lint_off"]}
    rig.configure(**sections)
    rig.command("init")
    for name, domain, number in (("dead", "dead.test", 5000), ("block", "block.test", 5000),
                                 ("few", "good.test", 60), ("fast", "good.test", count)):
        csv = rig.place / f"{name}.csv"
        csv.write_text("email,zone\n" + "".join(
            f"{name}{i}@{domain},{'' if name != 'few' else here_or_there(i)}\n"
            for i in range(number)))
        rig.command("import", csv, "--list", name)


def here_or_there(i):
    """Zones in which it is about noon, and about midnight, at this moment."""
    hour = datetime.datetime.now(datetime.timezone.utc).hour
    day = 12 - hour
    night = (24 - hour) % 24
    night = night - 24 if night > 14 else night
    return f"Etc/GMT{-(day if i % 2 == 0 else night):+d}"


def create(rig, name, mailing_list, settings=None):
    """A campaign whose stored settings are given the keys that campaign.conf has names for."""
    rig.campaign(name, text="Hello\n", subject="Hello", lists=[mailing_list])
    rig.command("campaign", "create", rig.place / name)
    shutil.rmtree(rig.place / name)  # or it would be stored anew when it is sent
    if settings:
        rig.sql("update templates t set settings = settings || '%s' from campaigns c "
                "where c.id = t.campaign_id and c.name = '%s'" % (json.dumps(settings), name))


def campaign(rig, name):
    row, = rig.sql("select c.state, c.reason, coalesce(sum(t.count) filter (where t.tries = 1), 0), "
                   "coalesce(sum(t.count) filter (where t.verdict = 1), 0) from campaigns c "
                   "left join tallies t on t.campaign_id = c.id "
                   f"where c.name = '{name}' group by c.state, c.reason")
    return {"state": int(row[0]), "reason": row[1], "attempted": int(row[2]),
            "delivered": int(row[3])}


def ends_in(rig, name, state, seconds=30):
    return r.wait_for(lambda: campaign(rig, name)["state"] == state, seconds)


def iso(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_shown(rig, checks, name, reason):
    time.sleep(1)
    print(rig.command("why", name).stdout)
    checks.check(f"paused by itself: {reason}" in rig.command("why", name).stdout and
                 reason in rig.command("status", name).stdout and
                 reason in rig.command("report", name).stdout and
                 rig.report(name)["reason"] == reason, f"{name}: why, status and report say it")
    top = json.loads(rig.command("top", "--json").stdout)
    checks.check(any(c["campaign"] == name and reason in c["waits_for"] for c in top["campaigns"]),
                 f"{name}: and so does top")


def pauses(rig, checks, name, mailing_list, sentence):
    create(rig, name, mailing_list)
    engine = rig.popen("send", name)
    checks.check(ends_in(rig, name, 2), f"{name}: it pauses by itself")
    said = campaign(rig, name)
    print(f"{name}: {said}")
    checks.check(sentence in said["reason"], f"{name}: and says why: {said['reason']}")
    is_shown(rig, checks, name, said["reason"])
    # Most of it is enough to judge by: what had not been said when it paused came back.
    attempted = campaign(rig, name)["attempted"]
    checks.check(500 <= attempted <= 1100, f"{name}: after its sample of 1,000 ({attempted})")
    return engine


def resumes(rig, checks):
    """What has been seen is not judged again; what comes then is."""
    rig.command("resume", "dead")
    checks.check(r.wait_for(lambda: campaign(rig, "dead")["attempted"] > 1100, 20),
                 "dead: a person may let it go on")
    checks.check(ends_in(rig, "dead", 2), "dead: and it pauses again for what came since")
    rig.command("cancel", "dead")


def is_fast(rig, checks, count):
    create(rig, "plain", "fast", {"ramp": False})
    create(rig, "ramped", "fast")
    took = {}
    for name in ("plain", "ramped"):
        begin = time.monotonic()
        rig.command("send", name)
        took[name] = time.monotonic() - begin
        checks.check(campaign(rig, name)["delivered"] == count, f"{name}: all {count} delivered")
    print(f"{count} recipients: {took['plain']:.2f} s at once, {took['ramped']:.2f} s after a sample")
    checks.check(took["ramped"] - took["plain"] < 3, "a sample costs less than 3 s")


def waits(rig, checks):
    create(rig, "later", "few", {"window": {"start": iso(6)}})
    engine = rig.popen("send", "later")
    time.sleep(3)
    checks.check(campaign(rig, "later")["attempted"] == 0, "later: closed, nothing leaves")
    print(rig.command("why", "later").stdout)
    checks.check("its send window opens at" in rig.command("why", "later").stdout and
                 "its send window opens at" in rig.command("status").stdout and
                 "its send window" in rig.command("top", "--once").stdout,
                 "later: why, status and top say when it opens")
    checks.check(r.wait_for(lambda: campaign(rig, "later")["delivered"] == 60, 20),
                 "later: it opens, and all is delivered")
    engine.wait(30)


def is_too_late(rig, checks):
    create(rig, "late", "few", {"window": {"end": iso(9)}, "rate": "3/s"})
    engine = rig.popen("send", "late")
    checks.check(ends_in(rig, "late", 3, 30), "late: it ends when its window does")
    engine.wait(30)
    said = campaign(rig, "late")
    checks.check("too late" in said["reason"] and 0 < said["delivered"] < 60,
                 f"late: with its reason, and the rest unsent: {said}")
    rows = rig.sql("select coalesce(sum(count), 0) from tallies t join campaigns c on c.id = t.campaign_id "
                   "where c.name = 'late' and verdict = 6")
    checks.check(int(rows[0][0]) == 60 - said["delivered"], "late: the rest is accounted for")


def is_spread(rig, checks):
    create(rig, "even", "few", {"window": {"end": iso(25), "spread": True}})
    engine = rig.popen("send", "even")
    checks.check(r.wait_for(lambda: campaign(rig, "even")["delivered"] >= 1, 15), "even: it begins")
    time.sleep(6)
    part = campaign(rig, "even")["delivered"]
    checks.check(8 <= part <= 40, f"even: after a part of its time a part is sent ({part} of 60)")
    checks.check(r.wait_for(lambda: campaign(rig, "even")["delivered"] >= 55, 25),
                 "even: it is nearly done at the end")
    ends_in(rig, "even", 3, 10)
    engine.wait(30)


def keeps_nights(rig, checks):
    create(rig, "nights", "few", {"window": {"from": "07:00", "until": "19:00",
                                             "recipient_zone": "zone"}})
    engine = rig.popen("send", "nights")
    checks.check(r.wait_for(lambda: campaign(rig, "nights")["delivered"] == 30, 20),
                 "nights: those who are awake get it")
    time.sleep(2)
    checks.check(campaign(rig, "nights")["delivered"] == 30, "nights: and nobody else")
    rows = rig.sql("select sum(s.count), min(extract(epoch from s.due_at - now())) from slices s "
                   "join campaigns c on c.id = s.campaign_id where c.name = 'nights' and s.state = 0")
    checks.check(int(rows[0][0] or 0) == 30 and 3600 < float(rows[0][1]) < 12 * 3600,
                 f"nights: the others wait until their window opens ({rows})")
    rig.stop(engine)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    rig, checks = r.Rig("policy"), r.Checks()
    prepare(rig, count)
    engine = pauses(rig, checks, "dead", "dead", "of the addresses are dead")
    resumes(rig, checks)
    rig.stop(engine)
    rig.stop(pauses(rig, checks, "block", "block", "big refused"))
    is_fast(rig, checks, count)
    waits(rig, checks)
    is_too_late(rig, checks)
    is_spread(rig, checks)
    keeps_nights(rig, checks)
    rig.close()
    checks.end("policy")


main()
