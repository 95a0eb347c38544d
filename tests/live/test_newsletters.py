"""Newsletters that others wrote, sent by us through a real Postfix that takes no 8BITMIME, and read back.

Bodies are the corpus of ../shared (those in Handlebars after `template convert`), our gallery, and the
golden messages as they stand in their files. Each message, as `preview --raw` shows it and as Postfix
stored it, must parse in Python's email package with every defect an error, and pass the checklist of the
message format (tests/golden/mime_check.py). What is stored must be what was sent, decode to exactly the
text and HTML that `preview` renders, and verify with python3-dkim.

usage: test_newsletters.py"""

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import sys

import rig as r
import servers as v

sys.path.insert(0, str(r.ROOT / "tests" / "golden"))
import mime_check  # noqa: E402

CORPUS = r.ROOT.parent / "shared" / "corpus" / "newsletters"
GALLERY = r.ROOT / "templates" / "gallery"
GOLDEN = r.ROOT / "tests" / "golden"
STRICT = email.policy.default.clone(raise_on_defect=True)

# What the letters of the corpus ask for; one reader has it all, another little and odd, the third nothing.
READERS = {
    "ann@postfix.test": {
        "name": "Ann Example", "first_name": "Ann", "value": "€ 12.00", "total": "€ 30.00",
        "action_url": "https://shop.example.com/pay?a=1&b=2", "invoice_url": "https://shop.example.com/i/4711",
        "due_date": "1 March", "purchase_date": "1 February", "invoice_id": "4711", "date": "1 February",
        "support_url": "https://shop.example.com/help", "credit_card_brand": "Visa",
        "credit_card_last_four": "4242", "expiration_date": "1 May", "receipt_id": "R-1", "username": "ann",
        "trial_length": "30", "trial_start_date": "1 March", "trial_end_date": "31 March",
        "billing_url": "https://shop.example.com/card", "login_url": "https://shop.example.com/in",
        "help_url": "https://shop.example.com/faq", "live_chat_url": "https://shop.example.com/chat",
        "support_email": "help@shop.example.com", "points": "120", "plan": "gold",
        "invoice_details": [{"description": "Tea", "amount": "€ 10.00"},
                            {"description": "A <large> cup & saucer", "amount": "€ 20.00"}],
        "receipt_details": [{"description": "Grüner Tee", "amount": "€ 10.00"}]},
    "zoe@postfix.test": {
        "name": "Zoë \"Z\" Müller-Lüdenscheidt, geb. von und zu Οὐλομένη 🍂", "first_name": "Zoë\u2028=?x?=",
        "value": ".\n.\r\nFrom me", "action_url": "javascript:'\"<x>", "invoice_details": [],
        "username": "x" * 1200, "total": "\t \u00a0 ", "date": "=3D=\n"},
    "nil@postfix.test": {},
}


class SevenBitPostfix(v.Postfix):
    settings = "smtpd_discard_ehlo_keywords = 8bitmime, smtputf8\n"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def converted(rig, path):
    """A body of the corpus as Liquid."""
    if ".handlebars." not in path.name:
        return read(path)
    out = subprocess.run([rig.program, "template", "convert", "--from", "handlebars", path],
                         capture_output=True, check=True, timeout=60)
    return out.stdout.decode()


def bodies(rig):
    """(name, html, text or None, folder of partials or None)."""
    for path in sorted(CORPUS.glob("*.html")) if CORPUS.is_dir() else ():
        text = path.with_suffix(".txt")
        yield (path.stem.replace(".", "-"), converted(rig, path),
               converted(rig, text) if text.exists() else None, None)
    for folder in sorted(p for p in GALLERY.iterdir() if (p / "body.html").exists()):
        text, partials = folder / "body.txt", folder / "partials"
        yield (f"gallery-{folder.name}", read(folder / "body.html"), read(text) if text.exists() else None,
               partials if partials.is_dir() else None)


def create_list(rig):
    (rig.place / "list.csv").write_text("email\n" + "".join(f"{one}\n" for one in READERS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    for address, attributes in READERS.items():
        attributes = dict(attributes)
        name = attributes.pop("name", "")
        text = json.dumps(attributes).replace("'", "''")
        quoted = name.replace("'", "''")
        rig.sql(f"update subscribers set name = '{quoted}', attributes = '{text}' "
                f"where address = '{address}'")


def send_all(rig, checks):
    names = []
    for name, html, text, partials in bodies(rig):
        folder = rig.campaign(name, html=html, text=text, feedback_id=f"{name}:a:b:c",
                              subject="{{ name | default: 'Ohne Namen, aber mit Grüßen' }}: " + name)
        if partials:
            shutil.copytree(partials, folder / "partials", dirs_exist_ok=True)
        rig.command("send", folder, "--quiet", timeout=300)
        report = rig.report(name)
        if report["delivered"] != len(READERS):
            checks.check(False, f"{name}: {report['delivered']} of {len(READERS)} delivered, "
                         f"{report['reasons'][:1]}")
        names.append(name)
    return names


def send_golden(server):
    """Each message as it stands in its file, to a recipient of its name."""
    paths = sorted(GOLDEN.glob("*.eml"))
    with server.client() as client:
        for path in paths:
            client.sendmail("golden@news.test", [f"{path.stem}@postfix.test"], path.read_bytes())
    return paths


def lines(data):
    """Line ends as a mailbox has them: in a mail they are all CRLF."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def strict_faults(raw):
    """What Python's email package says when every defect is an error."""
    try:
        message = email.message_from_bytes(raw, policy=STRICT)
        for part in message.walk():
            for value in part.values():
                str(value)
            if not part.is_multipart():
                part.get_content()
    except Exception as error:  # whatever it is: a reader could not read this
        return [f"{type(error).__name__}: {error}"]
    return []


def part_of(raw, kind):
    """The decoded bytes of the first text part of a kind; None: there is none."""
    for part in email.message_from_bytes(raw, policy=email.policy.default).walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            return lines(part.get_payload(decode=True))
    return None


class Letter:
    """One message: what was sent, what came, and all that is wrong with either."""

    def __init__(self, name, recipient, sent, stored):
        self.name, self.recipient, self.sent, self.stored = name, recipient, sent, stored
        self.defects = strict_faults(sent) + strict_faults(stored)
        self.items = [f"item {number}: {sentence}" for raw, delivered in ((sent, False), (stored, True))
                      for number, sentence in mime_check.check(raw, delivered)]
        self.trip = []
        if v.as_sent(stored).replace(b"\n", b"\r\n") != sent:
            self.trip.append("is not what was sent")

    def compare(self, kind, wanted):
        """Rendered text, and what a reader decodes."""
        got, wanted = part_of(self.stored, kind), lines(wanted).replace(b"\0", "\ufffd".encode())
        if got is None or got != wanted and got != wanted + b"\n":
            self.trip.append(f"{kind} differs from what was rendered")

    @property
    def faults(self):
        return self.defects + self.items + self.trip


def preview(rig, name, recipient, *options):
    env = dict(os.environ, RUNDBRIEF_CONFIG=str(rig.config))
    return subprocess.run([rig.program, "preview", name, "--to", recipient, *options], check=True,
                          capture_output=True, cwd=rig.place, env=env, timeout=60).stdout


def without_signatures(message):
    """Ed25519 signs the same twice, and so does RSA; what differs is when, in t=."""
    return re.sub(rb"(?m)^DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*", b"", message)


def our_letter(rig, name, recipient, stored):
    shown = preview(rig, name, recipient, "--raw", "--unsigned")
    sent = v.as_sent(stored).replace(b"\n", b"\r\n")
    letter = Letter(name, recipient, sent, stored)
    if without_signatures(sent) != shown:
        letter.trip.append("is not what preview shows")
    letter.trip += rig.bad_signatures([sent])
    letter.compare("text/plain", preview(rig, name, recipient, "--text"))
    letter.compare("text/html", preview(rig, name, recipient, "--html"))
    return letter


def golden_letter(path, stored):
    sent = path.read_bytes()
    letter = Letter("golden " + path.stem, "", sent, stored)
    for kind in ("text/plain", "text/html"):
        wanted = part_of(sent, kind)
        if wanted is not None:
            letter.compare(kind, wanted)
    return letter


def show(letters):
    """A line for each body; its largest message, and what is wrong with all of its messages."""
    print(f"{'BODY':34} {'MESSAGES':>8} {'BYTES':>7} {'DEFECTS':>7} {'ITEMS':>5}  ROUND TRIP")
    for name in dict.fromkeys(letter.name for letter in letters):
        mine = [letter for letter in letters if letter.name == name]
        trip = sum(len(letter.trip) for letter in mine)
        print(f"{name:34} {len(mine):8} {max(len(letter.sent) for letter in mine):7,} "
              f"{sum(len(letter.defects) for letter in mine):7} "
              f"{sum(len(letter.items) for letter in mine):5}  "
              f"{'the same' if trip == 0 else f'{trip} differences'}", flush=True)


def read_back(rig, checks, server, names, golden):
    total = len(names) * len(READERS) + len(golden)
    r.wait_for(lambda: len(server.stored()) >= total, 60, 0.3)
    stored = {(v.field(m, b"Feedback-ID").split(":")[0], v.field(m, b"X-Original-To") or
               v.field(m, b"Delivered-To")): m for m in server.messages()}
    checks.equal(len(server.stored()), total, "messages stored by Postfix")
    letters = [our_letter(rig, name, recipient, stored[name, recipient])
               for name in names for recipient in READERS if (name, recipient) in stored]
    of_golden = {to: m for (_, to), m in stored.items()}
    letters += [golden_letter(path, of_golden[f"{path.stem}@postfix.test"]) for path in golden
                if f"{path.stem}@postfix.test" in of_golden]
    show(letters)
    checks.equal(len(letters), total, "each of them another body or reader")
    for letter in letters:
        for fault in letter.faults:
            checks.check(False, f"{letter.name} {letter.recipient}: {fault}")
    ours = [v.as_sent(m) for (name, _), m in stored.items() if name in names]
    checks.equal(len({v.message_id(m) for m in ours}), len(ours), "Message-IDs of ours, each another")
    return letters


def canary(rig, checks, letters):
    """What a broken trip would look like is noticed: a byte changed, a line end lost, bytes of 8 bits."""
    letter = next(one for one in letters if one.name.startswith("postmark-invoice"))
    recipient, name = letter.recipient, letter.name
    checks.check(b"A &lt;large&gt; cup &amp; saucer" in part_of(letter.stored, "text/html") and
                 b"A <large> cup & saucer" in part_of(letter.stored, "text/plain"),
                 f"{name}: what the reader has bought is in both parts")
    head, body = letter.stored.split(b"\n\n", 1)
    for what, broken in (("a letter changed", body.replace(b"Tea", b"Tee", 1)),
                         ("a line lost", body.replace(b"=\n", b"=", 1)),
                         ("an accent in 8 bits", body.replace(b"=E2=82=AC", "€".encode(), 1))):
        faults = our_letter(rig, name, recipient, head + b"\n\n" + broken).faults
        checks.check(len(faults) >= 2, f"{what} would be noticed: {len(faults)} faults")


def verdict(checks, letters, names, golden):
    def good(what):
        return sum(not getattr(letter, what) for letter in letters)
    checks.check(good("faults") == len(letters) > 0,
                 f"{len(letters)} messages ({len(names)} bodies to {len(READERS)} readers, {len(golden)} "
                 f"golden): {good('defects')} without defect, {good('items')} pass items 40 to 58, "
                 f"{good('trip')} read right behind Postfix without 8BITMIME, signatures verified")


def main():
    checks = r.Checks()
    if os.geteuid() != 0:
        checks.skip("Postfix in a root of its own: needs root")
        checks.end("newsletters")
    if not CORPUS.is_dir():
        checks.skip("newsletters that others wrote: ../shared is not there; our gallery is sent")
    port = r.free_port()
    rig, server = r.Rig("newsletters"), SevenBitPostfix(port)
    try:
        checks.check(r.wait_for(server.listens, 20), "Postfix greets")
        checks.check("8BITMIME" not in server.offers(), "and offers no 8BITMIME")
        rig.start_database()
        rig.start_zone(r.mail_zone({"postfix.test": server.address}))
        rig.prepare_with(port, dkim=("ed25519", "rsa"))
        create_list(rig)
        names = send_all(rig, checks)
        golden = send_golden(server)
        letters = read_back(rig, checks, server, names, golden)
        if CORPUS.is_dir():
            canary(rig, checks, letters)
        verdict(checks, letters, names, golden)
    finally:
        server.close()
        rig.close()
    checks.end("newsletters")


if __name__ == "__main__":
    main()
