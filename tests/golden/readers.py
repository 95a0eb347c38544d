#!/usr/bin/python3
"""Messages as an independent reader sees them.

Cases are made here, rendered by the program named (one JSON object a line on its standard input,
"ok SIZE" and the bytes on its standard output) and read with Python's email package, policy
default. No defects may be found, and subject, names, headers, text and HTML must be exactly what
this file works out for itself.

usage: readers.py RENDERER [--seed N] [--cases N] [--corpus FOLDER]
"""
import argparse
import glob
import email
import email.header
import email.policy
import json
import os
import random
import re
import subprocess
import sys

FIELDS = ("first_name", "city", "note")
CONTROLS = re.compile("[\x00-\x1f\x7f]")


class Renderer:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "--render"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def render(self, case):
        self.process.stdin.write(json.dumps(case).encode() + b"\n")
        self.process.stdin.flush()
        word, *rest = self.process.stdout.readline().decode().split(" ", 1)
        if word != "ok":
            raise AssertionError("not rendered: " + " ".join([word] + rest))
        return self.process.stdout.read(int(rest[0]))

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)


def escaped(value):
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"),
                         ("'", "&#39;")):
        value = value.replace(char, entity)
    return value


SLOT = re.compile(r"\{\{ (?:first_name|city|note|email|name) \}\}")
PIECE = re.compile(r"(\{% raw %\}.*?\{% endraw %\}|" + SLOT.pattern + ")", re.DOTALL)


def pieces_of(template, values, escape):
    """Literal text, data and raw blocks, each by itself."""
    for piece in PIECE.split(template):
        if piece.startswith("{% raw %}"):
            yield piece[len("{% raw %}"):-len("{% endraw %}")]
        elif SLOT.fullmatch(piece):
            yield escape(values.get(piece[3:-3]) or "")
        else:
            yield piece


def filled(template, values, escape=str):
    return "".join(pieces_of(template, values, escape))


def mailbox_of(raw, message, name):
    """Name and address of the one mailbox in a field. Python 3.11 shows a space between two
    encoded words of a name (RFC 2047 6.2 has it ignored), so those are decoded by its older
    reader."""
    box, = message[name].addresses
    plain = email.message_from_bytes(raw)[name]
    if plain.count("=?") < 2:
        return box.display_name, box.addr_spec
    display = plain.rsplit("<", 1)[0].strip()
    return str(email.header.make_header(email.header.decode_header(display))), box.addr_spec


def one_line(value):
    return CONTROLS.sub(" ", value.strip(" \t\r\n")).strip(" ")


def canonical(text):
    """Line ends as in a mail; literal text and data each end their own lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.replace("\n", "\r\n").encode()


def body_of(template, values, escape):
    """A CR in data and a LF behind it in the template are two line ends, so each piece is taken
    by itself."""
    return b"".join(map(canonical, pieces_of(template, values, escape)))


def defects_of(message):
    found = list(message.defects)
    for part in message.walk():
        found += part.defects
        for name, value in part.items():
            found += [f"{name}: {defect!r}" for defect in getattr(value, "defects", [])]
    return found


def check_lines(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b""), "bare LF"
    assert b"\r" not in raw.replace(b"\r\n", b""), "bare CR"
    assert raw.endswith(b"\r\n") and not [c for c in raw if c > 126], "not 7-bit lines"
    for line in body.split(b"\r\n"):
        assert len(line) <= 76 and not line.startswith(b"."), line
    for line in head.split(b"\r\n"):
        words = re.sub(rb"^[!-9;-~]+: ", b"", line).strip(b" ")
        assert len(line) <= 78 or b" " not in words, line


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}\n  got:    {got!r}\n  wanted: {wanted!r}")


def check_bodies(case, message, values):
    bodies = {"plain": case.get("text"), "html": case.get("html")}
    for kind, template in bodies.items():
        part = message.get_body((kind,))
        if template is None:
            assert part is None or part.get_content_subtype() != kind, f"unexpected {kind}"
            continue
        wanted = body_of(template, values, escaped if kind == "html" else str)
        got = part.get_payload(decode=True)
        if not message.is_multipart() and wanted and not wanted.endswith(b"\n"):
            wanted += b"\r\n"
        expect(kind, got, wanted)
        expect("charset", part.get_content_charset(), "utf-8")
    if all(bodies.values()):
        kinds = [part.get_content_type() for part in message.iter_parts()]
        expect("order", kinds, ["text/plain", "text/html"])


def check(case, raw):
    values = dict(case["fields"], email=case["email"], name=case["name"])
    check_lines(raw)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    expect("defects", defects_of(message), [])
    expect("subject", message["Subject"], one_line(filled(case["subject"], values)))
    for name, display, address in (("To", case["name"], case["email"]),
                                   ("From", filled(case["from_name"], values),
                                    "letters@news.example.com")):
        expect(name, mailbox_of(raw, message, name),
               (re.sub(" +", " ", one_line(display)), address))
    for name, template in case["headers"]:
        expect(name, message.get_all(name), [one_line(filled(template, values))])
    names = [name.lower() for name in message.keys()]
    expect("a field twice", sorted(names), sorted(set(names)))
    unexpected = set(names) - {name.lower() for name, _ in case["headers"]} - {
        "from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-id",
        "list-unsubscribe-post", "feedback-id", "reply-to", "mime-version", "content-type",
        "content-transfer-encoding"}
    expect("fields nobody asked for", unexpected, set())
    expect("date", message["Date"].datetime.isoformat(), "2026-07-29T22:16:32+00:00")
    check_bodies(case, message, values)


def case_of(**changes):
    case = {"subject": "Hello {{ first_name }}", "from_name": "The Letter", "headers": [],
            "text": "Hello {{ first_name }},\n\nwelcome to {{ city }}.\n",
            "html": "<p>Hello {{ first_name }},</p>\n<p>welcome to {{ city }}.</p>\n",
            "email": "ann@example.com", "name": "Ann", "fields": {}}
    case.update(changes)
    return case


def hand_made():
    yield case_of(fields={"first_name": "Jürgen", "city": "Köln"}, name="Jürgen Müller")
    yield case_of(name="", html=None)
    yield case_of(text=None, fields={"first_name": "<b>&'\"", "city": "x"})
    yield case_of(subject="שלום {{ first_name }}", fields={"first_name": "דוד"}, name="דוד בן")
    yield case_of(subject="🍂🎃" * 40, fields={"first_name": "🍂" * 200}, name="🎃 Ann 🎃")
    yield case_of(fields={"first_name": "\r\nBcc: eve@example.com\r\n\r\nbody", "city": ".\r\n.\r\n"},
                  subject="{{ first_name }}", name="A\r\nBcc: eve@example.com",
                  headers=[["X-City", "{{ city }} {{ first_name }}"]])
    yield case_of(text="." * 300 + "\n.\n..\n{{ first_name }}{{ first_name }}.{{ city }}",
                  fields={"first_name": ".", "city": "F"}, html=None)
    yield case_of(text="trailing \t\n {{ first_name }}\n{{ city }} \n \n", html="<p> \n",
                  fields={"first_name": "x \t", "city": " "})
    yield case_of(text="a\rb\r\nc{{ first_name }}d", fields={"first_name": "\r\n\r\r\n\n"})
    yield case_of(text="{{ first_name }}", fields={"first_name": "W" * 5000}, subject="W" * 300,
                  name="W" * 120)
    yield case_of(text="From {{ first_name }}\nFrom here\n{{ city }}rom you\n",
                  fields={"first_name": "x", "city": "F"})
    yield case_of(text="=_0123456789abcdef\n--=_0123456789abcdef--\n{{ first_name }}",
                  fields={"first_name": "\n--=_x\nContent-Type: text/html\n\n"})
    yield case_of(subject="=?utf-8?q?spoofed?= {{ first_name }}",
                  fields={"first_name": "=?utf-8?b?c3Bvb2Y=?="}, name="=?utf-8?q?Eve?=")
    yield case_of(name='Quote " and \\ back, (comment) <x@example.com>;')
    yield case_of(name="a" * 70, email="b" * 60 + "@" + "c" * 60 + ".example.com")
    yield case_of(fields={"first_name": "nul\0nul", "city": "\x01\x7f"}, subject="{{ first_name }}")
    yield case_of(from_name="{{ first_name }} at the Letter", fields={"first_name": "Zoë, \"x\""})
    yield case_of(subject="", text="", html="")


def random_text(rng, size):
    bricks = [" ", "  ", "\n", "\r\n", "\r", "\t", ".", "=", "=3D", "--", "a", "word", "ß", "€",
              "🍂", "א", "<", ">", "&", '"', "'", "\\", ",", "From ", "e\u0301", "\u200d", "\0",
              "x" * 90, "line of ordinary text, as letters have it, ", "=?utf-8?q?", "?="]
    return "".join(rng.choice(bricks) for _ in range(rng.randrange(size)))


def random_case(rng):
    def template(size):
        return "".join(random_text(rng, 12) + rng.choice(["", "{{ %s }}" % rng.choice(FIELDS)])
                       for _ in range(rng.randrange(size)))
    return case_of(subject=template(4), from_name=random_text(rng, 8) or "x",
                   text=rng.choice([None, template(30)]), html=template(30),
                   name=random_text(rng, 10), headers=[["X-Note", template(3)]],
                   fields={field: rng.choice([None, random_text(rng, 20)]) for field in FIELDS})


def corpus_cases(folder):
    fields = {"first_name": "Zoë <&> 🍂", "city": "Köln\r\n.\r\n"}
    for path in sorted(glob.glob(os.path.join(folder, "*.html"))):
        with open(path, encoding="utf-8", newline="") as file:
            html = file.read()
        raw = "{% raw %}" + html + "{% endraw %}"
        yield os.path.basename(path), case_of(html="{{ first_name }}" + raw + "{{ city }}",
                                              fields=fields)


def check_as_liquid(case, raw):
    """For real templates, whose variables nobody fills here: only the form."""
    check_lines(raw)
    expect("defects", defects_of(email.message_from_bytes(raw, policy=email.policy.default)), [])


def golden_cases():
    """The messages in files beside this one; raw is what the file holds."""
    for path in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.eml"))):
        with open(path, "rb") as file:
            yield os.path.basename(path), file.read()


def liquid_cases(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.html"))):
        if ".handlebars." not in path:
            with open(path, encoding="utf-8", newline="") as file:
                yield os.path.basename(path) + " as Liquid", case_of(html=file.read())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("renderer")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--corpus", default="../shared/corpus/newsletters")
    args = parser.parse_args()
    renderer = Renderer(args.renderer)
    seeds = range(args.cases) if args.seed is None else [args.seed]
    cases = [(f"hand made {i}", case) for i, case in enumerate(hand_made())]
    cases += [(f"--seed {seed}", random_case(random.Random(seed))) for seed in seeds]
    corpus = list(corpus_cases(args.corpus))
    liquid = list(liquid_cases(args.corpus))
    failed = 0
    work = [(name, case, check) for name, case in cases + corpus]
    work += [(name, case, check_as_liquid) for name, case in liquid]
    golden = list(golden_cases())
    for name, raw in golden:
        try:
            check_as_liquid(None, raw)
        except AssertionError as fault:
            failed += 1
            print(f"{name}: {fault}")
    for name, case, reader in work:
        try:
            reader(case, renderer.render(case))
        except AssertionError as fault:
            failed += 1
            print(f"{name}: {fault}\n  case: {json.dumps(case)[:2000]}")
            if failed >= 3:
                break
    failed += renderer.close() != 0
    print(f"readers: {len(work) + len(golden)} messages, {failed} failed" +
          ("" if corpus else "; SKIPPED: newsletters of the corpus, no ../shared"))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
