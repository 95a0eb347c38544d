"""A message taken apart from its raw bytes, for mime_check.py: RFC 5322 2.2, 2045 5.1, 2046 5.1.

Nothing here forgives: what does not follow the grammar is kept as it stands, and the checks say
so. Python's email package is not used, so that both can disagree.
"""
import re

TOKEN = re.compile(rb"[!#-'*+\-.0-9A-Z^_`a-z{|}~]+")
QUOTED = re.compile(rb'"((?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e\t])*)"')
EXTENDED = re.compile(rb"(?:%[0-9A-F]{2}|[!#$&+\-.^_`|~0-9A-Za-z])*")


class Field:
    """raw: all of its lines, without the last CRLF; value: unfolded, behind the colon."""

    def __init__(self, raw):
        self.raw = raw
        name, colon, value = raw.partition(b":")
        self.name, self.colon = name, bool(colon)
        self.lines = raw.split(b"\r\n")
        self.value = value.replace(b"\r\n", b"").strip(b" \t")

    def __str__(self):
        return self.name.decode("ascii", "backslashreplace")


class Parameters:
    """The value and the parameters of Content-Type and Content-Disposition (RFC 2045, 2231).
    faults: what is against the grammar of parameters."""

    def __init__(self, value):
        self.faults = []
        self.listed = []  # (name in lower case, value, was quoted)
        head, _, rest = value.partition(b";")
        self.value = head.strip(b" \t").lower().decode("ascii", "replace")
        rest = rest.strip(b" \t")
        while rest:
            rest = self.take(rest)
        self.plain = {name: value for name, value, _ in self.listed if b"*" not in name}
        self.extended = {}
        for base in {name.split(b"*")[0] for name, _, _ in self.listed if b"*" in name}:
            self.join(base)

    def take(self, rest):
        match = TOKEN.match(rest)
        if not match or rest[match.end():match.end() + 1] != b"=":
            self.faults.append("no parameter begins at %r" % rest[:40])
            return b""
        name, rest = match.group().lower(), rest[match.end() + 1:]
        quoted, plain = QUOTED.match(rest), TOKEN.match(rest)
        if not quoted and not plain:
            self.faults.append("parameter %s has no value" % name.decode())
            return b""
        taken = quoted or plain
        value = re.sub(rb"\\(.)", rb"\1", quoted.group(1)) if quoted else plain.group()
        if name in [known for known, _, _ in self.listed]:
            self.faults.append("parameter %s is given twice" % name.decode())
        self.listed.append((name, value, bool(quoted)))
        rest = rest[taken.end():].strip(b" \t")
        if rest and not rest.startswith(b";"):
            self.faults.append("no semicolon behind parameter %s" % name.decode())
            return b""
        return rest[1:].strip(b" \t")

    def join(self, base):
        """name*, or name*0, name*1* and so on, to one text."""
        pieces = [(name[len(base):], value, quoted) for name, value, quoted in self.listed
                  if name.startswith(base + b"*")]
        if len(pieces) == 1 and pieces[0][0] == b"*":
            value = self.decoded(base, pieces[0], True)
        else:
            numbers = [re.fullmatch(rb"\*(0|[1-9][0-9]*)(\*?)", piece[0]) for piece in pieces]
            if not all(numbers) or [int(n.group(1)) for n in numbers] != list(range(len(numbers))):
                self.faults.append("the pieces of %s are not numbered 0, 1, ..." % base.decode())
                return
            value = b"".join(self.decoded(base, piece, number.group(1) == b"0")
                             if number.group(2) else piece[1]
                             for piece, number in zip(pieces, numbers))
        try:
            self.extended[base] = value.decode("utf-8")
        except UnicodeDecodeError:
            self.faults.append("parameter %s is no UTF-8" % base.decode())

    def decoded(self, base, piece, first):
        _, value, quoted = piece
        if quoted:
            self.faults.append("an extended value of %s is quoted" % base.decode())
        if first:
            charset, mark, value = value.partition(b"'")
            language, second, value = value.partition(b"'")
            if charset.lower() != b"utf-8" or not mark or not second:
                self.faults.append("%s* does not begin with utf-8''" % base.decode())
        if not EXTENDED.fullmatch(value):
            self.faults.append("%s* is not percent-encoded well" % base.decode())
        return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), value)


class Entity:
    """A message or a part. boundary_faults: what is wrong with the delimiters inside."""

    def __init__(self, raw, outer=()):
        head, self.fields, self.body = raw, [], b""
        if raw.startswith(b"\r\n"):
            head, self.body = b"", raw[2:]
        elif b"\r\n\r\n" in raw:
            head, self.body = raw.split(b"\r\n\r\n", 1)
        if head:
            for field in re.split(rb"\r\n(?![ \t])", head.removesuffix(b"\r\n")):
                self.fields.append(Field(field))
        content = self.field("content-type")
        self.content = Parameters(content.value if content else b"text/plain; charset=us-ascii")
        self.type = self.content.value
        disposition = self.field("content-disposition")
        self.disposition = Parameters(disposition.value) if disposition else None
        encoding = self.field("content-transfer-encoding")
        self.encoding = encoding.value.lower().decode("ascii", "replace") if encoding else "7bit"
        self.parts, self.boundary_faults = [], []
        self.boundary = None
        if self.type.startswith("multipart/"):
            self.split(outer)

    def field(self, name):
        return next(iter(self.all(name)), None)

    def all(self, name):
        return [f for f in self.fields if f.name.strip().lower() == name.encode()]

    def split(self, outer):
        """delimiter := CRLF "--" boundary; the CRLF belongs to it (RFC 2046 5.1.1)."""
        self.boundary = boundary = self.content.plain.get(b"boundary", b"")
        if not re.fullmatch(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]", boundary):
            self.boundary_faults.append("%r is no boundary" % boundary)
            return
        for other in outer:
            if other.startswith(boundary) or boundary.startswith(other):
                self.boundary_faults.append("boundary %r begins like the one around it" % boundary)
        text = b"\r\n" + self.body
        lines = [m for m in re.finditer(rb"\r\n--" + re.escape(boundary) + rb"([^\r\n]*)(?=\r\n|\Z)",
                                        text)]
        for line in lines:
            if line.group(1).rstrip(b" \t") not in (b"", b"--"):
                self.boundary_faults.append("the boundary stands inside a part: %r" % line.group())
        opening = [m for m in lines if m.group(1).rstrip(b" \t") == b""]
        closing = [m for m in lines if m.group(1).rstrip(b" \t") == b"--"]
        if not opening or len(closing) != 1 or closing[0].start() < opening[-1].start():
            self.boundary_faults.append("%d delimiters, %d at the end" % (len(opening), len(closing)))
            return
        if opening[0].start() != 0:
            self.boundary_faults.append("something stands before the first part")
        if text[closing[0].end():] not in (b"", b"\r\n"):
            self.boundary_faults.append("something stands behind the last part")
        for this, following in zip(opening, opening[1:] + closing):
            part = text[this.end() + 2:following.start()] if this.end() < following.start() else b""
            self.parts.append(Entity(part, outer + (boundary,)))

    def walk(self):
        yield self
        for part in self.parts:
            yield from part.walk()

    def leaves(self):
        return [part for part in self.walk() if not part.type.startswith("multipart/")]
