"""A letter in two forms (10 % each), 5 % held out, the rest for the winner, which is named while an
engine runs that has loaded the letter before; kill -9 in the middle of both parts. Everybody gets
what their hash says, nobody twice without being listed as in doubt, the held out nothing.

usage: test_variants.py [RECIPIENTS]   3,000 unless told; make show-variants: 30,000"""

import collections
import email
import signal
import sys
import time

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 5)}
CONF = """name = "ab"
subject = "Letter A for {{ first_name }}"
from = "News <news@news.test>"
lists = { "main" }
in_doubt = retry
in_doubt_wait = 1s
hold_out = 5%
variant "a" { share = 10% }
variant "b" { subject = "Letter B for {{ first_name }}" text = "body-b.txt" share = 10% }
"""


def write_letter(rig):
    folder = rig.place / "ab"
    folder.mkdir()
    (folder / "campaign.conf").write_text(CONF)
    (folder / "body.txt").write_text("This is A, dear {{ first_name }}.\n")
    (folder / "body-b.txt").write_text("This is B, dear {{ first_name }} in {{ city }}.\n")
    return folder


def start(rig):
    return rig.popen("send", "ab", stderr=open(rig.place / "send.err", "a"))


def kill_when(rig, process, log, goal, limit=120):
    """kill -9 as soon as the sink has taken so many; whether it was still sending."""
    r.wait_for(lambda: process.poll() is not None or len(r.logged_recipients(log)) >= goal, limit,
               0.02)
    alive = process.poll() is None
    rig.stop(process, signal.SIGKILL)
    return alive


def waits_only(rig):
    """Everything is cut, and nothing but the rest is open."""
    return rig.sql("select fully_cut and not exists (select from slices where state in (0, 1, 4)) "
                   "and not exists (select from deferrals) from campaigns")[0][0] == "t"


def variants_by_hash(rig):
    """As PostgreSQL computes it: {address: variant}."""
    return {address: int(variant) for address, variant in rig.sql(
        "select s.address, variant_of(c.split, c.hold_out, c.id, s.id) from subscribers s, "
        "campaigns c")}


def letters_at_sink(store):
    """{address: [variant of each copy]}, by subject and body, which must be of one letter."""
    got = collections.defaultdict(list)
    for recipients, _, data in r.exact_messages(store):
        message = email.message_from_bytes(data)
        subject = str(message["Subject"])
        body = message.get_payload(decode=True) or b""
        of_subject = 1 if subject.startswith("Letter A for first_name") else \
            2 if subject.startswith("Letter B for first_name") else 0
        of_body = 1 if body.startswith(b"This is A, dear first_name") else \
            2 if body.startswith(b"This is B, dear first_name") and b" in city" in body else 0
        for address in recipients:
            got[address.strip("<>")].append(of_subject if of_subject == of_body else -1)
    return got


def look_at_waiting(rig, checks, process):
    """While the rest waits nothing else does: neither engine nor database is kept busy."""
    def commits():
        return int(rig.sql("select xact_commit from pg_stat_database "
                           "where datname = current_database()")[0][0])
    cpu, before, began = r.cpu_of(process.pid), commits(), time.monotonic()
    time.sleep(6)
    seconds = time.monotonic() - began
    share = (r.cpu_of(process.pid) - cpu) / seconds
    rate = (commits() - before) / seconds
    checks.check(share < 0.05, f"while they wait the engine uses {100 * share:.1f} % of a core")
    checks.check(rate < 15, f"and asks the database {rate:.1f} times a second")
    said = rig.command("why", "ab").stdout
    checks.check("wait for the winner: `rundbrief campaign winner ab VARIANT`" in said,
                 "why says whom they wait for")


def check_everybody(rig, checks, got, count):
    variants = variants_by_hash(rig)
    doubtful = {row["email"] for row in rig.rows("ab", "--attempts", "--verdict", "in-doubt")}
    failed = {row["email"] for row in rig.rows("ab", "--verdict", "failed")}
    held_out = {row["email"] for row in rig.rows("ab", "--verdict", "held-out")}
    wanted = {address: 2 if v == 0 else v for address, v in variants.items() if v >= 0}
    checks.equal(len(variants), count, "recipients by their hash")
    checks.check(held_out == {a for a, v in variants.items() if v < 0} and len(held_out) > 0,
                 f"the {len(held_out)} held out are those that the hash says")
    checks.equal(sum(a in got for a in held_out), 0, "letters to somebody held out")
    wrong = [a for a, letters in got.items() if set(letters) != {wanted.get(a)}]
    checks.equal(len(wrong), 0, "recipients with another letter than theirs")
    missing = set(wanted) - set(got) - failed
    checks.equal(len(missing), 0, "recipients without a letter who did not fail")
    twice = {a for a, letters in got.items() if len(letters) > 1}
    checks.check(twice <= doubtful, f"each of the {len(twice)} who got it twice is listed as in "
                                    f"doubt ({len(doubtful)} are)")


def check_report(rig, checks, got, count):
    report = rig.report("ab")
    endings = ["delivered", "failed", "in_doubt", "suppressed", "cancelled", "held_out"]
    checks.check(report["holds"] and report["state"] == "finished" and
                 report["targeted"] == count == sum(report[e] for e in endings),
                 f"targeted {report['targeted']} = " +
                 " + ".join(f"{e} {report[e]}" for e in endings if report[e]))
    kinds = [(v["kind"], v["variant"]) for v in report["variants"]]
    checks.equal(kinds, [("variant", "a"), ("variant", "b"), ("rest", "b"), ("held-out", None)],
                 "the report's variants")
    for v in report["variants"][:3]:
        done = sum(v[e] for e in endings[:5])
        checks.check(v["recipients"] == done and v["delivered"] > 0,
                     f"{v['kind']} {v['variant']}: {v['recipients']} recipients = delivered "
                     f"{v['delivered']} + failed {v['failed']} + in doubt {v['in_doubt']}")
    checks.check(sum(v["recipients"] for v in report["variants"]) + report["suppressed"] == count and
                 sum(v["delivered"] for v in report["variants"]) == report["delivered"] and
                 sum(v["deferrals"] for v in report["variants"]) == report["deferrals"],
                 "the variants' numbers are the campaign's")
    checks.equal(len(got), report["delivered"], "recipients with a letter; delivered")
    print("\n".join("        " + line for line in rig.command("report", "ab").stdout.splitlines()
                    if line.startswith(("By variant", "a  ", "b  ", "the rest", "held out",
                                        "  b against"))))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    checks, rig = r.Checks(), r.Rig("variants")
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    log, store = rig.place / "sink.log.tsv", rig.place / "mail"
    log.touch()
    port, sink = rig.start_sink("--log-recipients", log, "--store", f"exact:{store}", "--delay", "20",
                                "--reject", "1%", "--defer", "4%", "--seed", "7",
                                listeners=list(DOMAINS.values()))
    rate = max(40, count // 4 // 8)
    rig.prepare_with(port, default_limits={
        "message_rate": f"{rate}/s", "connections": 10, "messages_per_connection": 0,
        "connection_rate": "10000/s"})
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS), fields=("first_name", "city"))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.command("campaign", "create", write_letter(rig))

    checks.check(kill_when(rig, start(rig), log, count // 12),
                 "killed with -9 in the middle of the test")
    process = start(rig)
    checks.check(r.wait_for(lambda: waits_only(rig), 120, 0.2), "the test ends, the rest waits")
    rest = {a for a, v in variants_by_hash(rig).items() if v == 0}
    early = {a for a, _ in r.logged_recipients(log)} & rest
    checks.equal(len(early), 0, f"letters to the {len(rest)} of the rest before the winner")
    checks.equal(rig.report("ab")["waiting_for_winner"], len(rest), "recipients who wait")
    look_at_waiting(rig, checks, process)
    named = time.monotonic()
    rig.command("campaign", "winner", "ab", "b")
    before = len(r.logged_recipients(log))
    r.wait_for(lambda: len(r.logged_recipients(log)) > before, 20, 0.02)
    checks.check(time.monotonic() - named < 10,
                 f"the engine that ran sends to the rest {time.monotonic() - named:.1f} s later")
    checks.check(kill_when(rig, process, log, before + len(rest) // 2),
                 "killed with -9 in the middle of the rest")
    last = start(rig)
    try:
        last.wait(240)
    except r.subprocess.TimeoutExpired:
        pass
    checks.equal(last.poll(), 0, "the last start ends with")
    rig.stop(last)
    rig.stop(sink)
    got = letters_at_sink(store)
    check_everybody(rig, checks, got, count)
    check_report(rig, checks, got, count)
    rig.close()
    checks.end("variants")


if __name__ == "__main__":
    main()
