"""A campaign from a CSV to the recipients' servers, and what people do to it on its way."""

import json
import os
import re
import signal
import subprocess
import time

import rig as r

LOSING = 10  # recipients of a domain that does not exist
DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3", "three.test": "127.0.0.4"}
LISTENERS = ["127.0.0.2", "127.0.0.3;reject=3%;defer=5%", "127.0.0.4;defer=10%;defer-times=2"]
HTML = """<html><body style="font-family: sans-serif">
<p>Dear {{ first_name }} of {{ city | default: "somewhere" }},</p>
<p>Grüße – {% if plan == "plan7" %}lucky seven{% else %}as ever{% endif %}.</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</body></html>
"""
PACED = {"message_rate": "150/s", "connections": 4, "messages_per_connection": 100,
         "connection_rate": "1000/s"}


def send_parts(message):
    """Header and body apart from DKIM-Signature fields."""
    head, body = message.split(b"\r\n\r\n", 1)
    head = re.sub(rb"(?i)(?:^|(?<=\r\n))dkim-signature:.*?\r\n(?=[^ \t])", b"", head, flags=re.S)
    return head + b"\r\n\r\n" + body


def first_campaign(rig, checks, count):
    result = rig.command("send", "first")
    checks.check(result.returncode == 0, "send ends with 0 when the campaign is finished")
    report = rig.report("first")
    log = r.logged_recipients(rig.place / "log")
    checks.equal(report["state"], "finished", "state")
    checks.adds_up(report, count, len(log))
    checks.equal(len({address for address, _ in log}), len(log), "each recipient at the sink once")
    checks.equal(len({message_id for _, message_id in log}), len(log), "each Message-ID once")
    checks.check(report["delivered_later"] > 0 and report["failed"] > LOSING,
                 f"some got it later ({report['delivered_later']}), "
                 f"some never ({report['failed']})")
    checks.equal(report["deferred_now"], 0, "nobody is left deferred")
    return report, log


def rows_open(rig, checks, report, log):
    delivered = rig.rows("first", "--verdict", "delivered")
    checks.check(sorted(row["email"] for row in delivered) == sorted(a for a, _ in log),
                 f"the {len(delivered)} rows behind delivered are those whom the sink knows")
    for try_, name in (("first", "delivered_first_try"), ("later", "delivered_later")):
        checks.equal(len(rig.rows("first", "--verdict", "delivered", "--try", try_)), report[name],
                     f"rows behind {name}")
    for name, number in report["failed_by_class"].items():
        checks.equal(len(rig.rows("first", "--verdict", "failed", "--class", name)), number,
                     f"rows behind failed, {name}")
    lost = [row for row in rig.rows("first", "--verdict", "failed")
            if row["email"].endswith("@nowhere.test")]
    checks.equal(len(lost), LOSING, "those of a domain that does not exist have failed")
    for provider in report["providers"]:
        found = len(rig.rows("first", "--provider", provider["provider"] or "other",
                             "--verdict", "delivered"))
        checks.equal(found, provider["delivered"],
                     f"rows behind delivered at provider '{provider['provider']}'")


def dead_addresses(rig, checks):
    dead = {row["email"] for row in rig.rows("first", "--verdict", "failed", "--class",
                                             "bad-mailbox") if row["status"] == "5.1.1"}
    listed = {row["email"] if "email" in row else row["address"] for row in
              json.loads(rig.command("suppress", "list", "--json").stdout)}
    checks.check(dead and dead <= listed, f"the {len(dead)} addresses found dead are suppressed")


def messages(rig, checks):
    """What the sink has kept: signatures, and the same as preview shows."""
    stored = list(r.exact_messages(rig.place / "mail"))
    sample = stored[::max(1, len(stored) // 40)]
    faults = rig.bad_signatures(message for _, _, message in sample)
    checks.check(not faults, f"the signatures of {len(sample)} messages verify" +
                 "".join(f"; {fault}" for fault in faults[:3]))
    for recipients, _, message in sample[:10]:
        shown = subprocess.run([rig.program, "preview", "first", "--to", recipients[0], "--raw",
                                "--unsigned"], capture_output=True, check=True, cwd=rig.place,
                               env=dict(os.environ, RUNDBRIEF_CONFIG=str(rig.config))).stdout
        if send_parts(message) != shown:
            checks.check(False, f"{recipients[0]}: preview shows what was sent")
            return
    checks.check(True, "preview --raw shows, byte for byte, what 10 recipients have got")


def once_more(rig, checks, accepted):
    result = rig.command("send", "first", check=False)
    checks.check(result.returncode != 0 and "sent already" in result.stderr,
                 "sending a finished campaign says that it was sent already")
    checks.equal(len(r.logged_recipients(rig.place / "log")), accepted, "and sends nothing")


def logged(rig, campaign_domain):
    return [a for a, _ in r.logged_recipients(rig.place / "log") if a.endswith(campaign_domain)]


def paced(rig, name):
    rig.campaign(name, text="Dear {{ first_name }}\n", lists=["paced"])
    rig.command("campaign", "create", rig.place / name)
    return rig.popen("send", name, "--quiet", stderr=subprocess.PIPE)


def stops_and_goes(rig, checks):
    """Pause, resume, an unsubscription and Ctrl-C, all in one campaign of 1,500 at 150 a second."""
    before = len(logged(rig, "@one.test"))
    sent = lambda: len(logged(rig, "@one.test")) - before
    process = paced(rig, "paced")
    checks.check(r.wait_for(lambda: sent() > 100, 20), "a paced campaign is under way")
    rig.command("subscriber", "unsubscribe", "p1499@one.test")
    rig.command("pause", "paced")
    time.sleep(1.5)
    paused_at = sent()
    time.sleep(1.5)
    checks.check(sent() == paused_at < 1400, f"paused at {paused_at}, it stays there")
    rig.command("resume", "paced")
    if process.poll() is not None:
        process = rig.popen("send", "paced", "--quiet", stderr=subprocess.PIPE)
    checks.check(r.wait_for(lambda: sent() > paused_at + 100, 20), "resumed, it goes on")
    status = rig.stop(process, signal.SIGINT)
    stopped_at = sent()
    checks.equal(status, 5, f"Ctrl-C at {stopped_at} ends it with")
    report = rig.report("paced")
    checks.check(report["state"] == "running" and report["in_doubt"] == 0 and
                 report["delivered"] == stopped_at,
                 f"after Ctrl-C all {report['delivered']} deliveries are settled, nobody in doubt")
    rig.command("send", "paced")
    report = rig.report("paced")
    checks.adds_up(report, 1500, sent())
    now = logged(rig, "@one.test")[before:]
    checks.equal(len(set(now)), len(now), "paced: nobody got it twice")
    checks.check("p1499@one.test" not in now and report["suppressed"] == 1,
                 "who unsubscribed on the way did not get it, and counts as suppressed")


def cancelled(rig, checks):
    before = len(logged(rig, "@one.test"))
    process = paced(rig, "cancelled")
    r.wait_for(lambda: len(logged(rig, "@one.test")) > before + 100, 20)
    rig.command("cancel", "cancelled")
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        pass
    checks.equal(process.poll(), 5, "send of a campaign that was cancelled ends with")
    rig.stop(process)
    time.sleep(0.5)
    report = rig.report("cancelled")
    checks.equal(report["state"], "cancelled", "state")
    checks.check(report["cancelled"] > 500, f"cancelled {report['cancelled']}")
    # One of the 1,500 has unsubscribed before it was launched: not of its audience.
    checks.adds_up(report, 1499, len(logged(rig, "@one.test")) - before)


def with_old_kernel(rig, checks):
    """Everything newer than Linux 6.1 masked, over TLS."""
    before = len(r.logged_recipients(rig.place / "log"))
    rig.campaign("old", html=HTML, lists=["first"], filter='$.plan == "plan7"')
    os.environ["RUNDBRIEF_IO_MASK_NEW"] = "1"
    rig.command("send", rig.place / "old")
    del os.environ["RUNDBRIEF_IO_MASK_NEW"]
    report = rig.report("old")
    checks.check(report["state"] == "finished" and report["targeted"] > 0,
                 f"with the features of Linux 6.1 alone a campaign of {report['targeted']} ends")
    checks.adds_up(report, report["targeted"], len(r.logged_recipients(rig.place / "log")) - before)


def lists(rig, count):
    domains = list(DOMAINS)
    with open(rig.place / "first.csv", "w") as f:
        f.write("email,first_name,city,plan\n")
        for i in range(count):
            domain = domains[i % 3] if i >= LOSING else "nowhere.test"
            f.write(f"r{i}@{domain},Jörg {i},Köln {i % 7},plan{i % 11}\n")
    with open(rig.place / "paced.csv", "w") as f:
        f.write("email,first_name\n")
        f.writelines(f"p{i}@one.test,Ann\n" for i in range(1500))
    rig.command("import", rig.place / "first.csv", "--list", "first")
    rig.command("import", rig.place / "paced.csv", "--list", "paced")


def main():
    count = 2000
    checks, rig = r.Checks(), r.Rig("campaign")
    rig.prepare(DOMAINS, LISTENERS, "--log-recipients", rig.place / "log", "--store",
                f"exact:{rig.place / 'mail'}", dkim=("ed25519", "rsa"),
                smtp={"tls": "may"},
                provider=[("one", {"mx": ["mx.one.test"], **PACED})])
    lists(rig, count)
    rig.campaign("first", html=HTML, lists=["first"])
    rig.command("campaign", "create", rig.place / "first")
    report, log = first_campaign(rig, checks, count)
    rows_open(rig, checks, report, log)
    dead_addresses(rig, checks)
    messages(rig, checks)
    once_more(rig, checks, len(log))
    stops_and_goes(rig, checks)
    cancelled(rig, checks)
    with_old_kernel(rig, checks)
    rig.close()
    checks.end("campaign")


if __name__ == "__main__":
    main()
