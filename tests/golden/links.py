#!/usr/bin/python3
"""Rewritten links as an independent reader sees them.

Real newsletters, those of the gallery and made-up ones are rewritten by the program named, rendered,
and read with Python's html.parser before and after. Every tag, attribute and text must be the same,
apart from the addresses of links, a pixel at the end of the body, and track="false"; and each address
must be what this file works out for itself, with urllib: our page of an index whose target is the old
address, or the old address with the UTM parameters that it had not.

usage: links.py PROGRAM [--seed N] [--cases N] [--corpus FOLDER]
"""
import argparse
import glob
import html.parser
import json
import pathlib
import random
import re
import subprocess
import sys
import urllib.parse

BASE = "https://n.test"
UTM = "utm_source=news%20letter&utm_medium=email"
PIXEL = ("start", "img", [("src", f"{BASE}/o/token.gif"), ("width", "1"), ("height", "1"),
                          ("alt", "")])
GALLERY = pathlib.Path(__file__).parent.parent.parent / "templates" / "gallery"


class Reader(html.parser.HTMLParser):
    """What is in a page, in order. Conditional comments are pages within it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.events = []

    def handle_starttag(self, tag, attrs):
        self.events.append(("start", tag, attrs))

    def handle_startendtag(self, tag, attrs):
        self.events.append(("start", tag, attrs))

    def handle_endtag(self, tag):
        self.events.append(("end", tag))

    def handle_data(self, data):
        if self.events and self.events[-1][0] == "data":
            data = self.events.pop()[1] + data
        if data:
            self.events.append(("data", data))

    def handle_comment(self, data):
        match = re.fullmatch(r"(\s*\[if[^>]*>)(.*?)(<!\[endif\])", data, re.DOTALL | re.I)
        if not match:
            self.events.append(("comment", data))
            return
        self.events.append(("if", match[1]))
        self.events += read(match[2])
        self.events.append(("endif",))

    def handle_decl(self, decl):
        self.events.append(("decl", decl))

    def unknown_decl(self, data):
        self.events.append(("decl", data))


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.events


def is_web(url):
    return bool(re.match(r"https?://", url, re.I))


def cleaned(url):
    return re.sub(r"[\t\n\r]", "", url.strip(" \t\n\r\f\v"))


def with_utm(url, utm):
    """By a road of its own: urllib's parts, names compared after decoding."""
    head, _, fragment = url.partition("#")
    base, mark, query = head.partition("?")
    has = {name.split("=")[0].lower() for name in query.split("&")}
    for parameter in utm.split("&") if utm else []:
        if parameter.split("=")[0] not in has:
            query += ("&" if query and not query.endswith("&") else "") + parameter
            mark = "?"
    return base + mark + query + url[len(head):]


class Unlike(Exception):
    pass


def expect(holds, *what):
    if not holds:
        raise Unlike(" | ".join(str(w) for w in what))


def is_ours(name, value):
    return name in ("track", "data-track")


def check_href(case, links, used, before, after, plain):
    old, new = cleaned(before), cleaned(after)
    page = re.fullmatch(re.escape(BASE) + r"/c/token/(\d+)", new)
    if page:
        link = next((x for x in links if x["index"] == int(page[1])), None)
        expect(case["tracking"] and link and not plain and is_web(old), "tracked", old, new)
        # What is Liquid in a target is rendered with data only later.
        expect(link["is_liquid"] or link["target"] == with_utm(old, case["utm"]),
               "leads elsewhere", old, link)
        used.append(link["index"])
    elif is_web(old):
        expect(new == with_utm(old, case["utm"]), "address", old, new)
        expect(not case["tracking"] or plain or case["liquid"], "not tracked", old)
    else:
        expect(before == after, "no web address, but changed", before, after)


def compare(case, answer):
    before, after = read(answer["before"]), read(answer["after"])
    links, used = [x for x in answer["links"]], []
    pixels = [i for i, event in enumerate(after) if event == PIXEL]
    expect(len(pixels) == (1 if case["opens"] and case["tracking"] else 0), "pixels", pixels)
    for i in pixels:
        bodies = [j for j, event in enumerate(after) if event == ("end", "body")]
        expect(not bodies or bodies[-1] == i + 1, "not at the body's end", i, bodies)
        del after[i]
        if 0 < i < len(after) and after[i - 1][0] == after[i][0] == "data":
            after[i - 1:i + 1] = [("data", after[i - 1][1] + after[i][1])]
    expect(len(before) == len(after), "another structure", len(before), len(after))
    for old, new in zip(before, after):
        if old[0] != "start" or old[1] not in ("a", "area"):
            expect(old == new, old, new)
            continue
        plain = any(is_ours(*a) and (a[1] or "").strip().lower() == "false" for a in old[2])
        leads = next((a[1] for a in old[2] if a[0] == "href"), None)
        attrs = [a for a in old[2] if not (leads and is_ours(*a))]
        expect([a[0] for a in attrs] == [a[0] for a in new[2]], old, new)
        seen = False
        for (name, one), (_, two) in zip(attrs, new[2]):
            if name == "href" and not seen and leads:
                seen = True
                check_href(case, links, used, one, two, plain)
            else:
                expect(one == two, old, new)
    tracked = [x["index"] for x in links if x["index"]]
    expect(tracked == list(range(1, len(tracked) + 1)), "indices", tracked)
    expect(case.get("partials") or used == sorted(used), "not in their order", used)
    expect(case["liquid"] or used == tracked, "not all are used", used, tracked)
    return len(used), sum(event[0] == "start" for event in before)


def cases_of(name, text, liquid, **more):
    for tracking in (0, 1, 2):
        for utm in ("", UTM):
            yield name, {"html": text, "tracking": tracking, "opens": tracking > 0, "utm": utm,
                         "liquid": liquid, **more}


def around(path):
    """What stands beside a letter of the gallery."""
    folder = pathlib.Path(path).parent
    data = folder / "data.json"
    return {"partials": {p.stem: p.read_text() for p in sorted(folder.glob("partials/*.liquid"))},
            "data": json.loads(data.read_text()) if data.exists() else {}}


def newsletters(folder):
    for path in sorted(glob.glob(f"{folder}/*.html")) + sorted(glob.glob(f"{GALLERY}/*/body.html")):
        text = pathlib.Path(path).read_text()
        if "handlebars" in path or "{{#" in text:
            text = "{% raw %}" + text + "{% endraw %}"
        liquid = "{" in re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
        yield from cases_of(path, text, liquid and "{% raw %}" not in text, **around(path))


TEXTS = ("text &amp; more ", "\n", "'", '"', "&lt;a href=x&gt;", "</p>", "</a>", "</body>", "</html>", ">", "#",
         "<!-- <a href=http://no.test/> -->", "<style>a > b { }</style>", "<title>x</title>",
         "<!--[if mso]>", "<![endif]-->", "http://text.test/")
NAMES = ("a", "A", "a", "area", "b", "img", "p", "link", "abbr")
ADDRESSES = ("http://a.test/?x=1&amp;y=2#z", "https://b.test/x", "HTTPS://c.test/?utm_source=x", "#top", "",
             "mailto:x@y.test", "//d.test", "http://e.test/?", " http://f.test/ ", "http://g.test/&#38;a?b&amp;",
             "https://h.test/\n?q", "httpx://i.test", "http://j.test/?UTM_medium=&amp;c#?d")
ATTRIBUTES = ("track='false'", "data-track=no", "TRACK = false", "title=\">\"", "alt='x>y'", "class", "href")


def made_up_tag(random_):
    attributes = []
    for _ in range(random_.randrange(4)):
        address = random_.choice(ADDRESSES)
        quote = random_.choice("\"'" if re.search(r"\s|^$", address) else ("\"", "'", ""))
        attributes.append(random_.choice(ATTRIBUTES) if random_.random() < 0.3 else
                          random_.choice(("href=", "HREF = ")) + quote + address + quote)
    space = random_.choice((" ", "\n", "  "))
    return "<" + space.join([random_.choice(NAMES), *attributes]) + random_.choice(("", " ", "\n")) + ">"


def made_up(random_, count):
    """Well formed, as newsletters are: of what is not, readers make this and that."""
    for i in range(count):
        text = "".join(made_up_tag(random_) if random_.random() < 0.5 else random_.choice(TEXTS)
                       for _ in range(random_.randrange(1, 30)))
        if well_formed(text):
            yield f"made up {i}", random_.choice(list(cases_of("", text, False)))[1]


def well_formed(text):
    """Conditional comments are closed, and hold no other comment."""
    conditional = re.sub(r"<!--\[if mso\]>(?:(?!<!--|<!\[).)*<!\[endif\]-->", "", text,
                         flags=re.DOTALL)
    return not re.search(r"<!--\[|<!\[", conditional)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--corpus", default="../shared/corpus/newsletters")
    args = parser.parse_args()
    process = subprocess.Popen([args.program, "--rewrite"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    real = list(newsletters(args.corpus))
    totals, failed = [0, 0, 0], 0
    for name, case in real + list(made_up(random.Random(args.seed), args.cases)):
        process.stdin.write(json.dumps(case).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        try:
            links, tags = compare(case, answer)
            totals = [totals[0] + 1, totals[1] + links, totals[2] + tags]
        except Unlike as unlike:
            failed += 1
            print(f"FAILED: {name} (--seed {args.seed}): {unlike}\n   {json.dumps(case)[:600]}")
            if failed >= 5:
                break
    process.stdin.close()
    code = process.wait(20)
    print(f"links: {totals[0]} letters, {len(real)} of them real newsletters in six settings each; "
          f"{totals[1]} links rewritten, {totals[2]} tags unchanged; {failed} unlike")
    if not any("shared" in name for name, _ in real):
        print("SKIPPED: newsletters of the corpus, no ../shared")
    return 1 if failed or code or not totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
