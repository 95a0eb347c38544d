#!/usr/bin/python3
"""Messages against the checklist of the message format, its items 40 to 58 (and 17 and 18 as far
as they are about bodies): one function an item, on the raw bytes, by code of its own. At the end
Python's email package reads each message, and may find no defect.

usage: mime_check.py [--delivered] [--quiet] FOLDER-OR-FILE...     mime_check.py --items

--delivered: as servers left them: fields of theirs are passed over, LF alone may end lines.
Prints what failed, by file and item, and a verdict; exits 1 when anything failed. As a module:
check(raw) gives [(item, sentence)], Checker adds what holds between messages.
"""
import argparse
import base64
import binascii
import datetime
import email
import email.policy
import os
import quopri
import re
import sys

from mime_entity import Entity

ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]"
DOT_ATOM = ATEXT + rb"+(?:\." + ATEXT + rb"+)*"
STRING = rb'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"'
ADDR_SPEC = rb"(?:" + DOT_ATOM + rb"|" + STRING + rb")@(?:" + DOT_ATOM + rb"|\[[!-Z^-~]*\])"
PHRASE = rb"(?:" + ATEXT + rb"+|" + STRING + rb")(?:[ \t]+(?:" + ATEXT + rb"+|" + STRING + rb"))*"
MAILBOX = re.compile(rb"(?:(?:" + PHRASE + rb"[ \t]+)?<" + ADDR_SPEC + rb">|" + ADDR_SPEC + rb")")
MESSAGE_ID = re.compile(rb"<" + DOT_ATOM + rb"@(?:" + DOT_ATOM + rb"|\[[!-Z^-~]*\])>")
ENCODED_WORD = re.compile(rb"=\?([^?\s]+)\?([QqBb])\?([^?\s]*)\?=")
DATE = re.compile(rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{1,2}) "
                  rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) "
                  rb"(\d\d):(\d\d):(\d\d) [+-]\d\d[0-5]\d")
DAYS, MONTHS = "Mon Tue Wed Thu Fri Sat Sun".split(), \
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
ADDRESSES = ("from", "to", "cc", "sender", "reply-to")
OF_SERVERS = ("received", "return-path", "delivered-to", "x-original-to", "authentication-results",
              "x-spam-status", "x-spam-level", "x-spam-checker-version", "lines", "status",
              "envelope-to", "delivery-date", "x-uid", "content-length")
ITEMS = {}


def item(number, title):
    def noted(function):
        ITEMS[number] = (title, function)
        return function
    return noted


def decoded(part):
    """The bytes of a leaf behind its transfer encoding; what is broken is another item's."""
    if part.encoding == "quoted-printable":
        return quopri.decodestring(part.body)
    if part.encoding == "base64":
        try:
            return base64.b64decode(part.body)
        except binascii.Error:
            return b""
    return part.body


def all_fields(message):
    return [field for part in message.walk() for field in part.fields]


def name_of(field):
    return str(field).lower()


@item(17, "lines end in CRLF, nowhere is a bare CR or LF, nor NUL")
def check_17(message):
    for part in [message] + message.parts:
        for where, text in [(str(f), f.raw) for f in part.fields] + [("the body", part.body)]:
            if re.search(rb"\r(?!\n)|(?<!\r)\n|\0", text):
                yield "a bare CR or LF, or NUL, in " + where
    if message.body and not message.body.endswith(b"\r\n"):
        yield "the last line has no end"


@item(18, "no line of a body is longer than 998 bytes")
def check_18(message):
    if any(len(line) > 998 for line in message.body.split(b"\r\n")):
        yield "a line of %d bytes" % max(map(len, message.body.split(b"\r\n")))


@item(40, "one Date, one From, at most one of the fields that are single")
def check_40(message):
    for name in ("date", "from"):
        if len(message.all(name)) != 1:
            yield "%d fields %s" % (len(message.all(name)), name.title())
    for name in ("sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references",
                 "subject", "mime-version", "content-type", "content-transfer-encoding"):
        if len(message.all(name)) > 1:
            yield "%d fields %s" % (len(message.all(name)), name.title())


@item(41, "a Message-ID of its own for each recipient")
def check_41(message):
    field = message.field("message-id")
    if not field or not MESSAGE_ID.fullmatch(field.value):
        yield "no Message-ID, or malformed"


@item(42, "Date as day, date, time and a numeric zone, and the day is right")
def check_42(message):
    for field in message.all("date"):
        match = DATE.fullmatch(field.value)
        if not match:
            yield "malformed: %r" % field.value
            continue
        day, date, month, year = (text.decode() for text in match.groups()[:4])
        try:
            when = datetime.datetime(int(year), MONTHS.index(month) + 1, int(date),
                                     *map(int, match.groups()[4:6]), min(int(match.group(7)), 59))
            if DAYS[when.weekday()] != day:
                yield "that day is no " + day
        except ValueError as error:
            yield str(error)


@item(43, "header lines of 78 columns where they can be folded, 998 at most")
def check_43(message):
    for field in all_fields(message):
        for index, line in enumerate(field.lines):
            if len(line) > 998:
                yield "%s has a line of %d" % (field, len(line))
            words = line.split(b": ", 1)[-1] if index == 0 else line
            if len(line) > 78 and re.search(rb"[ \t]", words.strip(b" \t")):
                yield "%s has a line of %d that could be folded" % (field, len(line))
            if index > 0 and not line.strip(b" \t"):
                yield "%s is folded around nothing" % field
            if line[-1:] in (b" ", b"\t") and field.value:
                yield "white space ends a line of %s" % field
        if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", field.raw):
            yield "%s holds a control character" % field


@item(44, "names of fields are of printable ASCII without a colon")
def check_44(message):
    for field in all_fields(message):
        if not field.colon or not re.fullmatch(rb"[!-9;-~]+", field.name):
            yield "%r is no field" % field.raw[:40]


@item(45, "one author; several would need a Sender")
def check_45(message):
    for field in message.all("from"):
        if not MAILBOX.fullmatch(field.value):
            yield "From is not one mailbox: %r" % field.value


@item(46, "no obsolete syntax: addresses, spaces, phrases, zones")
def check_46(message):
    for field in all_fields(message):
        if re.match(rb"[!-9;-~]+[ \t]+:", field.raw):
            yield "white space before the colon of %s" % field
        if name_of(field) in ADDRESSES:
            rest = field.value
            while match := MAILBOX.match(rest):
                rest = rest[match.end():]
                if not rest.startswith(b", "):
                    break
                rest = rest[2:]
            if rest or not field.value:
                yield "%s is not of mailboxes: %r" % (field, rest[:60])
        if name_of(field) == "list-id" and not re.fullmatch(
                rb"(?:" + PHRASE + rb"[ \t]+)?<" + DOT_ATOM + rb">", field.value):
            yield "List-Id is malformed: %r" % field.value
        if name_of(field) == "content-id" and not MESSAGE_ID.fullmatch(field.value):
            yield "Content-ID is malformed: %r" % field.value


@item(47, "no Bcc")
def check_47(message):
    if message.all("bcc"):
        yield "there is a Bcc"


@item(48, "MIME-Version: 1.0")
def check_48(message):
    if [field.value for field in message.all("mime-version")] != [b"1.0"]:
        yield "MIME-Version is not 1.0"


@item(49, "quoted-printable: 76 columns, upper-case hex, no white space at an end, CRLF only")
def check_49(message):
    for part in message.leaves():
        if part.encoding != "quoted-printable":
            continue
        for line in part.body.split(b"\r\n"):
            if len(line) > 76:
                yield "a line of %d columns" % len(line)
            if line[-1:] in (b" ", b"\t"):
                yield "white space ends a line: %r" % line[-30:]
            rest = line[:-1] if line.endswith(b"=") else line
            if not re.fullmatch(rb"(?:[\t !-<>-~]|=[0-9A-F]{2})*", rest):
                yield "not encoded well: %r" % line
        if part.type.startswith("text/") and re.search(rb"=0[AD]", part.body):
            yield "a line end of the text is encoded"


@item(50, "base64: 76 columns, nothing else in it")
def check_50(message):
    for part in message.leaves():
        if part.encoding != "base64":
            continue
        lines = part.body.removesuffix(b"\r\n").split(b"\r\n")
        if any(len(line) > 76 for line in lines):
            yield "a line of %d columns" % max(map(len, lines))
        text = b"".join(lines)
        if not re.fullmatch(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
                            text):
            yield "this is no base64"


@item(51, "multiparts are 7bit or 8bit, and say so when a part of theirs is 8bit")
def check_51(message):
    for part in message.walk():
        is_multipart = part.type.startswith("multipart/")
        known = ("7bit", "8bit") if is_multipart else ("7bit", "8bit", "quoted-printable", "base64")
        if part.encoding not in known:
            yield "%s is in %s" % (part.type, part.encoding)
        if part.encoding != "8bit" and re.search(rb"[\x80-\xff]", part.body):
            yield "%s is in %s and has bytes of 8 bits" % (part.type, part.encoding)


@item(52, "boundaries of 1 to 70 characters, in no part, the CRLF before them theirs")
def check_52(message):
    boundaries = [part.boundary for part in message.walk() if part.boundary]
    if len(set(boundaries)) != len(boundaries):
        yield "two multiparts have one boundary"
    for part in message.walk():
        yield from part.boundary_faults
        if part.type.startswith("multipart/") and not part.parts:
            yield part.type + " has no parts"


@item(53, "alternatives from the plainest to the richest, each once")
def check_53(message):
    order = ["text/plain", "text/x-amp-html", "text/html", "text/calendar"]
    for part in message.walk():
        if part.type != "multipart/alternative":
            continue
        types = [child.content.plain.get(b"type", b"").decode("ascii", "replace")
                 if child.type == "multipart/related" else child.type for child in part.parts]
        if any(kind not in order for kind in types):
            yield "these are no alternatives: " + ", ".join(types)
        elif [order.index(kind) for kind in types] != sorted({order.index(k) for k in types}):
            yield "in this order: " + ", ".join(types)
        elif len(types) < 2:
            yield "only one: " + ", ".join(types)


def content_ids(part):
    return [field.value.strip(b"<>").decode("ascii", "replace")
            for child in part.walk() for field in child.all("content-id")]


def references(part):
    """cid: URLs of the HTML in it (RFC 2392)."""
    text = b"".join(decoded(leaf) for leaf in part.leaves() if leaf.type == "text/html")
    for found in re.findall(rb"""(?:["'(=]|^)\s*cid:([^"'\s)>]+)""", text):
        yield re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]),
                     found).decode("utf-8", "replace")


@item(54, "related says its type, and every cid: finds its part there")
def check_54(message):
    within = set()
    if len(set(content_ids(message))) != len(content_ids(message)):
        yield "a Content-ID is there twice"
    for part in message.walk():
        if part.type != "multipart/related":
            continue
        root = part.parts[0].type if part.parts else "nothing"
        if part.content.plain.get(b"type", b"").decode("ascii", "replace") != root:
            yield "type= does not say %s" % root
        known, wanted = set(content_ids(part)), set(references(part))
        within |= wanted & known
        for one in known - wanted:
            yield "nothing refers to the part %s" % one
    for one in set(references(message)) - within:
        yield "no part in the same multipart/related is cid:%s" % one


@item(55, "encoded words: 75 columns, whole characters, nowhere but where they may be")
def check_55(message):
    for field in all_fields(message):
        if name_of(field).startswith("dkim-") or name_of(field) in OF_SERVERS:
            continue
        words = list(ENCODED_WORD.finditer(field.raw))
        if b"=?" in ENCODED_WORD.sub(b"", field.raw):
            yield "%s has what looks like an encoded word" % field
        for match in words:
            yield from word_faults(field, match)
        for line in field.lines:
            if ENCODED_WORD.search(line) and len(line) > 76:
                yield "a line of %s with an encoded word has %d columns" % (field, len(line))


def word_faults(field, match):
    charset, coding, text = match.groups()
    around = field.raw[match.start() - 1:match.start()] + field.raw[match.end():match.end() + 1]
    if len(match.group()) > 75:
        yield "an encoded word of %s has %d columns" % (field, len(match.group()))
    if not re.fullmatch(rb"[ \t\r]*", around):
        yield "an encoded word of %s touches what is beside it" % field
    before = re.sub(rb"\\.", b"", field.raw[:match.start()])
    if before.count(b'"') % 2 or before.rpartition(b"<")[2].count(b">") < before.count(b"<") > 0:
        yield "an encoded word of %s stands in a quoted string or an address" % field
    if name_of(field) in ("message-id", "content-type", "content-disposition", "content-id",
                          "list-unsubscribe", "list-unsubscribe-post", "date", "mime-version",
                          "content-transfer-encoding"):
        yield "%s may have no encoded words" % field
    if coding in b"Qq" and not re.fullmatch(rb"(?:[A-Za-z0-9!*+/\-_]|=[0-9A-F]{2})+", text) and \
            name_of(field) in ADDRESSES + ("list-id",):
        yield "characters that no phrase may have, in %s" % field
    try:
        data = base64.b64decode(text, validate=True) if coding in b"Bb" else \
            quopri.decodestring(text, header=True)
        data.decode(charset.decode("ascii"))
    except (binascii.Error, UnicodeDecodeError, LookupError) as error:
        yield "an encoded word of %s does not decode: %s" % (field, error)


def file_name_is_plain(part):
    """The plain name beside filename* stands as name= of the Content-Type: two forms in one field
    are a defect to Python's email package, and readers that know no RFC 2231 look there too."""
    return part.content.plain.get(b"name") or \
        part.disposition and part.disposition.plain.get(b"filename")


@item(56, "parameters by RFC 2231, and a plain file name beside an extended one")
def check_56(message):
    for part in message.walk():
        for where in filter(None, (part.content, part.disposition)):
            yield from where.faults
            if b"filename" in where.extended and not file_name_is_plain(part):
                yield "no plain name beside filename*"
            for name, value in where.plain.items():
                if b"=?" in value or re.search(rb"[\x80-\xff]", value):
                    yield "parameter %s is not plain: %r" % (name.decode(), value)
        if part.disposition and part.disposition.value == "attachment" and \
                not file_name_is_plain(part):
            yield "an attachment without a file name"


@item(57, "file names are no paths")
def check_57(message):
    for part in message.walk():
        for where in filter(None, (part.content, part.disposition)):
            names = [(n, v.decode("latin-1")) for n, v in where.plain.items()] + \
                list(where.extended.items())
            for name, value in names:
                if name in (b"filename", b"name") and (re.search(r"[/\\\x00-\x1f\x7f]", value) or
                                                       value in ("", ".", "..")):
                    yield "this is a path: %r" % value


@item(58, "headers are ASCII, those of parts too")
def check_58(message):
    for field in all_fields(message):
        if re.search(rb"[\x80-\xff]", field.raw):
            yield "%s has bytes of 8 bits" % field


@item("text", "text is UTF-8 and says so")
def check_text(message):
    for part in message.leaves():
        if not part.type.startswith("text/") or part.disposition and \
                part.disposition.value == "attachment":
            continue
        if part.content.plain.get(b"charset", b"").lower() != b"utf-8":
            yield "%s does not say charset=utf-8" % part.type
        try:
            decoded(part).decode("utf-8")
        except UnicodeDecodeError as error:
            yield "%s: %s" % (part.type, error)


@item("email", "Python's email package finds no defect")
def check_email(message):
    parsed = email.message_from_bytes(message.raw, policy=email.policy.default)
    for part in parsed.walk():
        defects = list(part.defects) + [d for v in part.values() for d in getattr(v, "defects", ())]
        if not part.is_multipart():
            try:
                part.get_payload(decode=True)
            except (ValueError, LookupError) as error:
                yield str(error)
            defects = defects + [d for d in part.defects if d not in defects]
        for defect in defects:
            yield "%s: %s" % (part.get_content_type(), defect or type(defect).__name__)


def without_servers(raw):
    """As it was sent: LF is CRLF again, and what servers put on top is gone."""
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    raw = re.sub(rb"\r?\n", b"\r\n", raw)
    head, empty, body = raw.partition(b"\r\n\r\n")
    kept = [field for field in re.split(rb"\r\n(?![ \t])", head)
            if field.partition(b":")[0].decode("ascii", "replace").lower() not in OF_SERVERS]
    return b"\r\n".join(kept) + empty + body


def check(raw, delivered=False):
    """What is wrong with one message: [(item, sentence)]."""
    raw = without_servers(raw) if delivered else raw
    message = Entity(raw)
    message.raw = raw
    return [(number, sentence) for number, (_, function) in ITEMS.items()
            for sentence in function(message)]


class Checker:
    """Many messages: what holds for each, and that no Message-ID comes twice."""

    def __init__(self, delivered=False):
        self.delivered, self.ids, self.count, self.faults = delivered, {}, 0, []

    def add(self, name, raw):
        faults = check(raw, self.delivered)
        field = Entity(without_servers(raw) if self.delivered else raw).field("message-id")
        known = self.ids.setdefault(field.value if field else name, name)
        if known != name:
            faults.append((41, "has the Message-ID of " + known))
        self.count += 1
        self.faults += [(name, number, sentence) for number, sentence in faults]
        return faults


def files_of(paths):
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, _, names in sorted(os.walk(path)):
            for name in sorted(names):
                if name.endswith(".eml"):
                    yield os.path.join(folder, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--delivered", action="store_true")
    parser.add_argument("--quiet", action="store_true", help="nothing when all is well")
    parser.add_argument("--items", action="store_true", help="list what is checked")
    options = parser.parse_args()
    if options.items:
        for number, (title, _) in ITEMS.items():
            print("%-5s  %s" % (number, title))
        return 0
    checker = Checker(options.delivered)
    for path in files_of(options.paths):
        with open(path, "rb") as file:
            for number, sentence in checker.add(path, file.read()):
                print("%s: item %s: %s" % (path, number, sentence))
    if checker.count == 0:
        print("no message to check")
        return 1
    if not options.quiet or checker.faults:
        wrong = len({name for name, _, _ in checker.faults})
        print("%d messages, each against %d items: %s" % (
            checker.count, len(ITEMS), "%d are wrong" % wrong if wrong else "all as they should be"))
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main())
