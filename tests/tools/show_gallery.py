#!/usr/bin/python3
"""The gallery as readers see it: each letter rendered for its sample reader, shown in a browser.

Desktop, phone and dark pictures go into build/gallery; each is measured in the page: nothing
wider than the screen, a picture that is not blank, body text of 16 px, and a contrast of WCAG AA
(4.5:1, large letters 3:1). The letter that is shown is also read as a mail would be: size, links,
alternative texts, elements that are closed.

usage: show_gallery.py [--write] [--only NAME] PROGRAM
--write: also the small pictures for templates/gallery/pictures
"""
import argparse
import email
import email.policy
import html.parser
import io
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import browser  # noqa: E402

try:
    from PIL import Image, ImageStat
except ImportError:
    Image = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
GALLERY = ROOT / "templates" / "gallery"
# (name, width, dark, of a reader of whom nothing is known)
FORMS = (("desktop", 700, False, False), ("phone", 390, False, False), ("dark", 390, True, False),
         ("dark-desktop", 700, True, False), ("bare", 390, False, True))
KEPT = ("desktop", "phone", "dark")
CLIP_SIZE = 102 * 1024
PICTURE_LIMIT = 60 * 1024
BARE_TABLE = "table without th"
VOID = set("area base br col embed hr img input link meta source track wbr".split())

# Text with the colour it has and that of the nearest background behind it; sizes by letters.
MEASURE = r"""(() => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = s => { const m = s.match(/[\d.]+/g).map(Number);
                       return m.length < 4 ? [...m, 1] : m; };
  const behind = e => { for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]; };
  const faint = [], sizes = [];
  let smallest = 99;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    const text = n.nodeValue.replace(/[\s\u200c\u00a0\u034f]+/g, ' ').trim();
    const e = n.parentElement, style = getComputedStyle(e), size = parseFloat(style.fontSize);
    let hidden = false;
    for (let a = e; a; a = a.parentElement)
      if (getComputedStyle(a).display === 'none') hidden = true;
    if (!text || hidden || e.tagName === 'STYLE' || size < 2) continue;
    const a = light(parse(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = size >= 24 || (size >= 18.6 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(ratio.toFixed(2) + ' ' + text.slice(0, 40));
    smallest = Math.min(smallest, size);
    for (let i = 0; i < text.length; i++) sizes.push(size);
  }
  sizes.sort((x, y) => x - y);
  const wide = [];
  for (const e of document.querySelectorAll('body *'))
    if (e.getBoundingClientRect().right > innerWidth + 0.5) wide.push(e.tagName);
  return { wide: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
           screen: innerWidth, faint, smallest, median: sizes[sizes.length >> 1] || 0,
           over: wide.slice(0, 3) };
})()"""


class Reader(html.parser.HTMLParser):
    """What a checker looks for: elements that do not close, links, pictures without a text."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.links = [], [], 0
        self.lang = self.titled = False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(BARE_TABLE if tag == "table" and attrs.get("role") != "presentation"
                             else tag)
        if tag == "th" and BARE_TABLE in self.open:
            self.open[len(self.open) - 1 - self.open[::-1].index(BARE_TABLE)] = "table"
        if tag == "html":
            self.lang = bool(attrs.get("lang"))
        if tag == "title":
            self.titled = True
        if tag == "img" and "alt" not in attrs:
            self.faults.append("an img without alt")
        if tag == "a":
            self.links += 1
            if not re.match("https://|mailto:", attrs.get("href", "")):
                self.faults.append(f"a link to {attrs.get('href')!r}")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        top = self.open.pop() if self.open else "nothing"
        if top == BARE_TABLE:
            self.faults.append("a table that is neither for layout nor has th")
        elif top != tag:
            self.faults.append(f"</{tag}> closes {top}")

    def read(self, text):
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"never closed: {self.open}")
        if not self.lang or not self.titled:
            self.faults.append("no lang or no title")
        return self.faults


def data_of(folder, bare):
    """What a template sees: the reader's attributes, the campaign's data, the links."""
    data_file, sample_file = folder / "data.json", folder / "sample.json"
    known = sample_file.exists() and not bare
    sample = json.loads(sample_file.read_text()) if known else {}
    campaign = json.loads(data_file.read_text()) if data_file.exists() else {}
    links = {f"{name}_url": f"https://news.example.com/{name[0]}/sample"
             for name in ("unsubscribe", "view", "preferences")}
    name = " ".join(filter(None, (sample.get("first_name"), sample.get("last_name"))))
    person = dict(sample, email="ann@example.com", name=name)
    return dict(person, subscriber=person, campaign=dict(campaign, name=folder.name), list={},
                **links)


def render(program, folder, bare=False):
    arguments = [program, "template", "render", folder / "body.html", "--data", "-"]
    if (folder / "partials").is_dir():
        arguments += ["--partials", folder / "partials"]
    done = subprocess.run(arguments, input=json.dumps(data_of(folder, bare)).encode(),
                          capture_output=True, timeout=60)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stdout.decode()


def mail_faults(name):
    """The golden message as Python's email package reads it."""
    path = ROOT / "tests" / "golden" / f"gallery-{name}.eml"
    if not path.exists():
        return [], 0
    raw = path.read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    faults = [repr(defect) for part in mail.walk() for defect in part.defects]
    faults += [repr(defect) for value in mail.values() for defect in value.defects]
    if [part.get_content_type() for part in mail.iter_parts()] != ["text/plain", "text/html"]:
        faults.append("not a text and an HTML part")
    if max(map(len, raw.split(b"\r\n"))) > 998 or len(raw) > CLIP_SIZE:
        faults.append("too long")
    return faults, len(raw)


def judge(measured, picture):
    faults = []
    if measured["wide"] > measured["screen"]:
        faults.append(f"{measured['wide']} px wide on {measured['screen']} {measured['over']}")
    if measured["median"] < 16:
        faults.append(f"most text has {measured['median']} px")
    if measured["smallest"] < 12:
        faults.append(f"some text has {measured['smallest']} px")
    faults += [f"contrast {text}" for text in measured["faint"][:4]]
    if sum(ImageStat.Stat(picture.convert("L")).var) < 50:
        faults.append("blank")
    return faults


def small(picture, colours):
    shown = io.BytesIO()
    picture.convert("RGB").quantize(colours, Image.Quantize.MEDIANCUT,
                                    dither=Image.Dither.NONE).save(shown, "PNG", optimize=True)
    return shown.getvalue()


def keep(picture, path):
    for colours in (128, 64, 48, 32, 24, 16):
        data = small(picture, colours)
        if len(data) <= PICTURE_LIMIT:
            break
    path.write_bytes(data)
    return len(data)


def show(looking, program, folder, target, write):
    page = render(program, folder)
    size = len(page.encode())
    faults = Reader().read(page)
    if size > CLIP_SIZE:
        faults.append(f"{size} bytes are cut by Gmail")
    wrong, mail_size = mail_faults(folder.name)
    failed = bool(faults or wrong)
    print(f"{folder.name:14}html          {size / 1024:8.1f} KB  {'; '.join(faults) or 'ok'}")
    if mail_size:
        print(f"{'':14}mail          {mail_size / 1024:8.1f} KB  {'; '.join(wrong) or 'ok'}")
    for form, width, dark, bare in FORMS:
        looking.show(render(program, folder, True) if bare else page, width, dark)
        measured = looking.ask(MEASURE)
        data = looking.picture(width)
        picture = Image.open(io.BytesIO(data))
        (target / f"{folder.name}-{form}.png").write_bytes(data)
        faults = judge(measured, picture)
        note = ""
        if write and form in KEPT:
            kept = keep(picture, GALLERY / "pictures" / f"{folder.name}-{form}.png")
            note = f", kept {kept / 1024:.0f} KB"
        print(f"{'':14}{form:14}{picture.width:4} x {picture.height:5}  "
              f"{'; '.join(faults) or 'ok'}{note}")
        failed = failed or bool(faults)
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--only")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    found = browser.find()
    if not found or not Image:
        sys.exit("show-gallery needs a browser and Python's imaging library: "
                 "apt-get install chromium python3-pil fonts-liberation fonts-urw-base35 "
                 "fonts-crosextra-carlito fonts-noto-color-emoji")
    target = ROOT / "build" / "gallery"
    target.mkdir(parents=True, exist_ok=True)
    (GALLERY / "pictures").mkdir(exist_ok=True)
    folders = sorted(path.parent for path in GALLERY.glob("*/campaign.conf"))
    folders = [folder for folder in folders if args.only in (None, folder.name)]
    looking = browser.Browser(found)
    try:
        failed = [folder.name for folder in folders
                  if show(looking, args.program, folder, target, args.write)]
    finally:
        looking.close()
    print(f"gallery: {len(folders)} letters, {len(folders) * len(FORMS)} pictures in build/gallery; "
          + (f"FAILED: {', '.join(failed)}" if failed else "all good"))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
