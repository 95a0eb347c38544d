#!/usr/bin/python3
"""What mime_check.py must find: one good message with everything in it, and that message broken
in one place, for each item at least once. A break must be found under its item; what else it
breaks does not matter. Prints the breaks that were not found."""
import base64
import sys

import mime_check

PNG = base64.b64encode(bytes(range(256))).decode()
PNG_LINES = "\r\n".join(PNG[i:i + 76] for i in range(0, len(PNG), 76))
GOOD = """\
From: "Alder, Finch" <letters@news.example.com>
To: =?utf-8?q?J=C3=BCrgen?= <ann@example.com>
Subject: =?utf-8?b?S8O2bG4=?=
 =?utf-8?q?_and_Z=C3=BCrich?=
Date: Wed, 29 Jul 2026 22:16:32 +0000
Message-ID: <aedsuyjanvqwgidpmyqhi@bounce.example.com>
List-Id: Letters <letters.news.example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_m"

--=_m
Content-Type: multipart/alternative; boundary="=_a"

--=_a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

K=C3=B6ln and more =
of it
--=_a
Content-Type: multipart/related; boundary="=_r"; type="text/html"

--=_r
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<img src=3D"cid:logo@example.com">
--=_r
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-ID: <logo@example.com>
Content-Disposition: inline; filename="logo.png"

PNG_LINES
--=_r--

--=_a--

--=_m
Content-Type: application/pdf; name="Ubersicht.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
 filename*0*=utf-8''%C3%9Cber; filename*1*=sicht.pdf

PNG_LINES
--=_m--
""".replace("\n", "\r\n").replace("PNG_LINES", PNG_LINES).encode()

BREAKS = [
    (17, b"of it\r\n", b"of it\n"),
    (17, b"K=C3", b"\0K=C3"),
    (17, b"--=_m--\r\n", b"--=_m--"),
    (18, b"of it", b"o" * 999),
    (40, b"Date:", b"X-Date:"),
    (40, b"To:", b"To: <b@example.com>\r\nTo:"),
    (41, b"Message-ID: <aedsuyjanvqwgidpmyqhi@", b"Message-ID: <"),
    (42, b"Wed,", b"Thu,"),
    (42, b"+0000", b"GMT"),
    (43, b"List-Id: Letters", b"List-Id: " + b"Letters " * 12),
    (43, b"\r\n =?utf-8?q?_and", b"\r\n \r\n =?utf-8?q?_and"),
    (44, b"List-Id:", b"List Id:"),
    (45, b"letters@news.example.com>", b"letters@news.example.com>, b@example.com"),
    (46, b"List-Id:", b"List-Id :"),
    (46, b'"Alder, Finch"', b"J. Alder"),
    (46, b"<ann@example.com>", b"<@relay.example.com:ann@example.com>"),
    (47, b"List-Id:", b"Bcc: b@example.com\r\nList-Id:"),
    (48, b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
    (49, b"K=C3=B6ln", b"K=c3=b6ln"),
    (49, b"of it", b"of it "),
    (49, b"of it", b"of it" * 16),
    (49, b"of it", b"of=0Ait"),
    (50, PNG_LINES[:78].encode(), PNG_LINES[:76].encode()),
    (50, b"AAECAw", b"AA*CAw"),
    (51, b'boundary="=_a"', b'boundary="=_a"\r\nContent-Transfer-Encoding: base64'),
    (51, b"K=C3=B6ln", "Köln".encode()),
    (52, b"K=C3", b"--=_a and\r\nK=C3"),
    (52, b'"=_a"', b'"=_m"'),
    (52, b"--=_m--", b"--=_m-"),
    (52, b'boundary="=_r"', b'boundary="=_r "'),
    (53, b"text/plain", b"text/html"),
    (54, b'; type="text/html"', b""),
    (54, b"cid:logo", b"cid:other"),
    (54, b"Content-ID: <logo", b"Content-ID: <third"),
    (55, b"=?utf-8?q?J=C3=BCrgen?=", b'"=?utf-8?q?J=C3=BCrgen?="'),
    (55, b"J=C3=BCrgen", b"J=C3"),
    (55, b"_and_Z", b"_and_" + b"Z" * 60),
    (55, b"?=\r\n =?utf-8?q?_and", b"?==?utf-8?q?_and"),
    (55, b"<ann@example.com>", b"<=?utf-8?q?ann?=@example.com>"),
    (56, b"filename*1*", b"filename*2*"),
    (56, b"utf-8''%C3%9C", b"utf-8''%C3"),
    (56, b'; name="Ubersicht.pdf"', b""),
    (56, b'"Ubersicht.pdf"', b'"=?utf-8?q?=C3=9Cbersicht?="'),
    (57, b'"logo.png"', b'"images/logo.png"'),
    (57, b"%C3%9Cber", b"..%2F%C3%9Cber"),
    (58, b"Letters <", "Zürich <".encode()),
    ("text", b"plain; charset=utf-8", b"plain; charset=latin-1"),
    ("text", b"K=C3=B6ln", b"K=F6ln"),
    ("email", b'boundary="=_r"', b'boundary="=_q"'),
]


def main():
    for number, sentence in mime_check.check(GOOD):
        print("the good message: item %s: %s" % (number, sentence))
        return 1
    missed = 0
    for number, old, new in BREAKS:
        if GOOD.count(old) == 0:
            print("nothing to break: %r" % old)
            missed += 1
        found = {fault for fault, _ in mime_check.check(GOOD.replace(old, new, 1))}
        if number not in found:
            print("item %s: %r for %r is not found (%s)" % (number, new, old, found or "nothing"))
            missed += 1
    for number in set(mime_check.ITEMS) - {number for number, _, _ in BREAKS}:
        print("item %s is broken by nothing here" % number)
        missed += 1
    both = mime_check.Checker()
    both.add("one", GOOD)
    both.add("two", GOOD)
    missed += [(name, number) for name, number, _ in both.faults] != [("two", 41)]
    delivered = b"Return-Path: <>\nReceived: from a by b;\n\tnow\n" + GOOD.replace(b"\r\n", b"\n")
    missed += mime_check.check(delivered, delivered=True) != []
    print("%d breaks, %d not found" % (len(BREAKS), missed))
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
