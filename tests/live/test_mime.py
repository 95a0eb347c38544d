"""Letters with an attachment, an image and text in 8 bits, to hosts that take 8 bits and to some that
do not: every message holds the checklist of the message format and its signature, files arrive byte
for byte, and nobody gets more bits than they take. Transactional mail with an invoice of the
recipient's own; who has none, or a broken one, gets none, and it says why."""

import base64
import email
import email.policy
import os
import sys

import rig as r

sys.path.insert(0, str(r.LIVE.parent / "golden"))
import mime_check  # noqa: E402

DOMAINS = {"eight.test": "127.0.0.2", "seven.test": "127.0.0.3", "tls.test": "127.0.0.4"}
LISTENERS = ["127.0.0.2", "127.0.0.3;no-8bitmime;no-chunking", "127.0.0.4"]


def make_letter(rig):
    folder = rig.campaign("letter", html='<p>Dear {{ first_name }} of Köln,</p>\n<img src="cid:logo.png">\n',
                          text="Dear {{ first_name }} of Köln,\n.this is a letter.\n",
                          encoding="8bit")
    files = {"terms.pdf": os.urandom(300000), "logo.png": os.urandom(3000)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    with open(folder / "campaign.conf", "a") as conf:
        conf.write('attach "terms.pdf" { name = "Geschäftsbedingungen.pdf" }\n')
    return files


def parts_of(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return {part.get_filename(): part.get_payload(decode=True) for part in message.walk()
            if part.get_filename()}


def newsletter(rig, checks, count):
    files = make_letter(rig)
    r.subscribers_csv(rig.place / "people.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "people.csv", "--list", "main")
    rig.command("send", rig.place / "letter", "--quiet")
    checks.equal(rig.report("letter")["delivered"], count, "delivered")
    rig.command("preview", "letter", "--raw", "--unsigned")
    return files


def read(rig, checks, files, count):
    checker, forms, whole, signed = mime_check.Checker(), {}, 0, []
    for recipients, _, raw in r.exact_messages(rig.place / "mail"):
        if not recipients[0].startswith("r"):
            continue
        checker.add(recipients[0], raw)
        bits = 8 if any(byte >= 0x80 for byte in raw) else 7
        forms.setdefault(recipients[0].split("@")[1], set()).add(bits)
        parts = parts_of(raw)
        whole += parts.get("Geschäftsbedingungen.pdf") == files["terms.pdf"] and \
            parts.get("logo.png") == files["logo.png"]
        signed.append(raw)
    checks.equal(checker.count, count, "messages kept by the sink")
    checks.equal(checker.faults[:3], [], "against the checklist")
    checks.equal(forms, {"eight.test": {8}, "seven.test": {7}, "tls.test": {8}},
                 "bits that each host got")
    checks.equal(whole, count, "with every file, byte for byte")
    checks.equal(rig.bad_signatures(signed[:40]), [], "signatures")


def invoices(rig, checks):
    folder = rig.campaign("invoice", text="Dear {{ name }}, your invoice is attached.\n",
                          subject="Your invoice", kind="transactional")
    conf = folder / "campaign.conf"
    conf.write_text("".join(line for line in conf.read_text().splitlines(True)
                            if not line.startswith("lists")) +
                    'attach_from "invoice" { name = "Rechnung für {{ name }}.pdf" }\n')
    rig.command("campaign", "create", folder)
    process = rig.popen("send", "invoice", "--quiet", stderr=open(rig.place / "err", "a"))
    r.wait_for(lambda: rig.sql("select state from campaigns where name = 'invoice'") == [["1"]], 20)
    bytes_ = os.urandom(30000)
    for name, invoice in (("ann", base64.b64encode(bytes_).decode()), ("bob", "no base64!"),
                          ("cy", None), ("dan", base64.encodebytes(bytes_).decode())):
        attributes = "'{}'" if invoice is None else f"jsonb_build_object('invoice', e'{invoice}')"
        rig.sql("insert into outbox (template, address, name, attributes, key) values ('invoice', "
                f"'{name}@eight.test', '{name}', {attributes}, '{name}')".replace("\n", "\\n"))
    ended = r.wait_for(lambda: rig.sql("select count(*) from outbox where ended_at is null")
                       == [["0"]], 30)
    checks.check(ended, "all of the outbox ends")
    status = dict((k, (s, t)) for k, s, t in rig.sql(
        "select key, status, coalesce(reply, '') from outbox_status order by key"))
    checks.equal([status[k][0] for k in ("ann", "bob", "cy", "dan")],
                 ["delivered", "failed", "failed", "delivered"], "with and without a good invoice")
    checks.check("not base64: invoice" in status["bob"][1], "why: " + status["bob"][1])
    checks.check("no file in the attribute invoice" in status["cy"][1], "why: " + status["cy"][1])
    checks.equal(rig.stop(process), 5, "stopped in order; send ends with")
    got = {to[0]: raw for to, _, raw in r.exact_messages(rig.place / "mail")
           if not to[0].startswith("r")}
    checks.equal(sorted(got), ["ann@eight.test", "dan@eight.test"], "who got one")
    for to, raw in got.items():
        checks.equal(mime_check.check(raw), [], f"{to}: against the checklist")
        checks.check(parts_of(raw).get(f"Rechnung für {to.split('@')[0]}.pdf") == bytes_,
                     f"{to}: the invoice, byte for byte")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    checks, rig = r.Checks(), r.Rig("mime")
    rig.prepare(DOMAINS, LISTENERS, "--starttls", "--store", f"exact:{rig.place / 'mail'}",
                dkim=("ed25519",), smtp={"tls": "may"})
    files = newsletter(rig, checks, count)
    invoices(rig, checks)
    rig.stop(rig.processes[0])
    read(rig, checks, files, count)
    rig.close()
    checks.end("mime")


if __name__ == "__main__":
    main()
