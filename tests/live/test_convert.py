"""`rundbrief template convert --from handlebars` against Handlebars and Mustache themselves: what they
render from a template is what our Liquid renders from the converted one.

Both come from npm into build/; without npm this is skipped. The corpus' templates of Postmark's, and
templates of our own for every construct.

usage: test_convert.py"""

import json
import shutil
import subprocess

import rig as r

CORPUS = r.ROOT.parent / "shared" / "corpus" / "newsletters"
PACKAGES = ("handlebars@4.7.8", "mustache@4.2.0")

SAMPLE = {
    "name": "Ann <&> \"O'Hara\"", "value": "12", "action_url": "https://x.test/?a=1&b=2",
    "total": "€ 30.00", "due_date": "Friday", "invoice_id": "4711", "date": "today",
    "invoice_details": [{"description": "Tea", "amount": "10"}, {"description": "<Cup>", "amount": "20"}],
    "receipt_details": [{"description": "Tea", "amount": "10"}], "username": "ann", "trial_length": 30,
}
DATA = {
    "name": "Zoë", "empty": "", "zero": 0, "no": False, "yes": True, "nothing": None, "none": [],
    "html": "<b>\"x\" & 'y'</b>", "count": 3, "items": [{"n": "a", "p": 1}, {"n": "b", "p": 2, "x": "own"}],
    "words": ["one", "two", "three"], "person": {"name": "Bob", "city": {"name": "Köln"}, "tags": ["t"]},
    "map": {"red": "#f00", "green": "#0f0"}, "x": "outer", "odd name": "odd", "größe": "L", "l": 1, "m": 2,
    "deep": [{"id": 1, "rows": [{"v": "p"}, {"v": "q"}]}, {"id": 2, "rows": []}], "item": "taken",
    "matrix": [[1, 2], [3]], "status": "gold",
}
# Both engines mean the same by these.
BOTH = r"""
Hello {{name}}, {{ name }}!|{{{html}}}|{{&html}}|{{html}}
a{{! a comment }}b
{{#items}}{{n}}={{p}};{{/items}}{{^items}}none{{/items}}
{{#none}}x{{/none}}{{^none}}none{{/none}}|{{^nothing}}nil{{/nothing}}{{^no}}no{{/no}}
{{#yes}}{{name}} {{count}}{{/yes}}
{{#person}}{{name}} in {{city.name}}{{/person}}
{{person.name}} {{person.city.name}} {{person.missing.name}}|
{{#words}}<{{.}}>{{/words}}
{{#deep}}{{id}}:{{#rows}}{{v}},{{/rows}}{{^rows}}-{{/rows}};{{/deep}}
Begin\n{{#items}}\n  * {{n}}\n{{/items}}\nEnd\n
Begin\n  {{! gone }}  \nEnd\n
{{#yes}}\r\n  in\r\n{{/yes}}\r\nout
 | {{#yes}} inline {{/yes}} | \n
{{#person}}{{#city}}{{name}}{{/city}}{{/person}}
{ {{name}} } {% if x %}{{count}}{% endif %}
}}{{name}}{
{{#person}}{{#tags}}{{.}}{{/tags}}{{/person}}
"""
HANDLEBARS = r"""
a{{!-- with }} braces --}}c
{{#if name}}yes{{/if}}{{#if empty}}A{{/if}}{{#if zero}}B{{/if}}{{#if no}}C{{/if}}{{#if none}}D{{/if}}{{#if nothing}}E{{/if}}
{{#if empty}}a{{else if zero}}b{{else if count}}c{{else}}d{{/if}}
{{#unless no}}not{{else}}is{{/unless}}{{#unless count}}not{{else}}is{{/unless}}
{{#if no}}a{{else unless zero}}b{{/if}}
{{#each items}}{{n}}{{x}}{{../x}}{{@index}}{{#if @first}}F{{/if}}{{#if @last}}L{{/if}};{{/each}}
{{#each words}}{{this}}{{#unless @last}}, {{/unless}}{{/each}}
{{#each none}}x{{else}}nothing{{/each}}
{{#each none}}x{{else if yes}}y{{else}}z{{/each}}
{{#each map}}{{@key}}={{this}};{{/each}}
{{#each map as |colour key|}}{{@key}}{{colour}};{{/each}}
{{#each items as |it i|}}{{i}}{{it.n}}{{../name}};{{/each}}
{{#each deep}}{{id}}{{#each rows}}{{../id}}{{v}}{{@../index}}{{@index}}{{../../name}};{{/each}}{{/each}}
{{#each matrix}}{{#each this}}{{this}}{{/each}};{{/each}}
{{#with person}}{{name}} {{city.name}} {{../name}}{{/with}}{{#with nothing}}x{{else}}no {{name}}{{/with}}
{{#with person}}{{#with city}}{{name}}{{../name}}{{../../name}}{{@root.name}}{{/with}}{{/with}}
{{#with person as |p|}}{{p.name}}{{/with}}
a  {{~name~}}  b  {{~#if yes~}}  c  {{~/if~}}  d {{~{html}~}} e {{~! c ~}} f
{{#if yes}}\n  a\n{{else}}\n  b\n{{/if}}\nend
{{#each items}}\n  {{#if x}}\n    own\n  {{/if}}\n{{/each}}\nend
\{{name}} \\{{name}} \{{a}} \\{{a}}
\{{name}} {{name}} \\{{name}} \{{a}}
{{{{raw}}}}{{name}} {{#if}}{{{{/raw}}}}
{{[odd name]}} {{größe}} {{person.[name]}} {{words.[1]}} {{words.length}}
{{#each items}}{{this.n}}{{./p}}{{this/n}}{{/each}}
{{person/name}} {{lookup map "red"}} {{lookup words count}}{{lookup words 0}}
{{#if (eq status "gold")}}gold{{else}}other{{/if}}{{#if (eq count 4)}}four{{else if (ne count 4)}}not four{{/if}}
{{#if (and yes (or no count))}}1{{/if}}{{#if (or (and no yes) (and yes count))}}2{{/if}}{{#if (not no)}}3{{/if}}
{{#if (and (or no empty) yes)}}1{{else}}2{{/if}}{{#unless (or no zero)}}3{{/unless}}
{{#if (gt count 2)}}more{{/if}}{{#if (lt count 2)}}less{{else}}no{{/if}}
{{#if no}}x{{else if (or (and no yes) (and yes count))}}second{{else}}third{{/if}}
{{#equals status "gold"}}g{{else}}o{{/equals}}
{{insert nothing "default=Friend"}} {{insert name "default=Friend"}} {{upper name}} {{upper "abc"}}
{{> greeting}} and {{> greeting who="you"}}
{{#each items}}{{item}}{{n}}{{/each}}{{item}}
{{^if no}}inverted{{/if}}{{#if yes}}a{{^}}b{{/if}}
{{#each items}}{{#each ../words}}{{this}}{{../n}} {{/each}}{{/each}}
{{#each items}}{{#with ../person}}{{name}}{{@index}}{{../n}}{{/with}}{{/each}}
{{#if true}}T{{/if}}{{#if false}}F{{/if}}
{{#each person.tags}}{{this}}{{/each}}{{#each person.city.none}}x{{/each}}
"""
MUSTACHE = """
{{#items}}{{n}}{{name}}{{x}};{{/items}}
{{#person}}{{name}}{{count}}{{#city}}{{name}}{{x}}{{/city}}{{/person}}
{{#empty}}x{{/empty}}{{^empty}}e{{/empty}}{{#zero}}x{{/zero}}{{^zero}}z{{/zero}}
{{#deep}}{{#rows}}{{id}}{{v}}{{name}} {{/rows}}{{/deep}}
{{#items}}{{#yes}}{{n}}{{/yes}}{{^nothing}}{{p}}{{/nothing}}{{/items}}
{{> greeting}}
"""
PARTIALS = {"greeting": "Dear {{name}} {{who}}"}


class Oracle:
    def __init__(self):
        self.place = r.ROOT / "build" / "roots" / "handlebars"

    def why_not(self):
        """None, or why it cannot be had here; installs it when it is not there yet."""
        if not shutil.which("node") or not shutil.which("npm"):
            return "no node and npm here"
        if (self.place / "made").exists():
            return None
        self.place.mkdir(parents=True, exist_ok=True)
        try:
            r.run("npm", "install", "--prefix", self.place, "--no-audit", "--no-fund",
                  "--ignore-scripts", *PACKAGES, timeout=180)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            (self.place / "install.log").write_text(str(error))
            return "npm cannot install them"
        (self.place / "made").touch()
        return None

    def render(self, cases):
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        out = r.run("node", r.LIVE / "handlebars_render.js", self.place, input=lines, timeout=120)
        return [json.loads(line) for line in out.stdout.splitlines()]


def own_cases():
    def lines(text):
        return [line.replace("\\n", "\n").replace("\\r", "\r")
                for line in text.strip().splitlines()]
    for engine, text in (("handlebars", BOTH + HANDLEBARS.strip()), ("mustache", BOTH + MUSTACHE.strip())):
        for template in lines(text):
            yield {"name": template, "engine": engine, "template": template, "data": DATA,
                   "partials": PARTIALS}


def corpus_cases():
    for path in sorted(CORPUS.glob("*.handlebars.*")):
        with open(path, encoding="utf-8", newline="") as file:
            yield {"name": path.name, "engine": "handlebars", "template": file.read(), "data": SAMPLE,
                   "partials": {}}


def canonical(text):
    """Entities as we write them."""
    text = text.replace("&#x27;", "&#39;").replace("&#x3D;", "=").replace("&#x3d;", "=")
    return text.replace("&#x60;", "`").replace("&#x2F;", "/")


def converted(rig, template):
    """What convert makes of it, or None after it said that something had no equivalent."""
    path = rig.place / "template"
    path.write_bytes(template.encode())
    done = subprocess.run([rig.program, "template", "convert", "--from", "handlebars", path],
                          capture_output=True, timeout=60)
    return done.stdout if done.returncode == 0 else None


def rendered(rig, template, case):
    partials = rig.place / "partials"
    partials.mkdir(exist_ok=True)
    for name, text in case["partials"].items():
        (partials / f"{name}.liquid").write_bytes(converted(rig, text))
    (rig.place / "liquid").write_bytes(template)
    done = subprocess.run([rig.program, "template", "render", rig.place / "liquid", "--partials",
                           partials, "--data", "-"], input=json.dumps(case["data"]).encode(),
                          capture_output=True, timeout=60)
    return done.stdout.decode() if done.returncode == 0 else done.stderr.decode()


def main():
    checks, oracle = r.Checks(), Oracle()
    why_not = oracle.why_not()
    if why_not:
        checks.skip(f"Handlebars and Mustache themselves: {why_not}")
        checks.end("convert")
    rig = r.Rig("convert")
    corpus, own = list(corpus_cases()), list(own_cases())
    if not corpus:
        checks.skip("Postmark's templates: ../shared is not there")
    good = 0
    for case, wanted in zip(corpus + own, oracle.render(corpus + own)):
        liquid = converted(rig, case["template"])
        got = rendered(rig, liquid, case) if liquid is not None else "not converted"
        if canonical(got) == canonical(wanted):
            good += 1
        else:
            checks.check(False, f"{case['engine']}: {case['name']!r}\n  wanted {wanted[:300]!r}\n"
                         f"  got    {got[:300]!r}\n  from   {str(liquid)[:600]}")
    checks.check(good > 0, f"{good} of {len(corpus) + len(own)} templates render as by their own "
                 f"engine, {len(corpus)} of them Postmark's")
    checks.end("convert")


if __name__ == "__main__":
    main()
