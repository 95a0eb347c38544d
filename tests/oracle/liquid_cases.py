"""liquid_cases.py - templates and data by chance, the same ones for the same seed.

case(seed, number) is one case: a template of one to a few statements, its data and its partials.
All tags and filters of ruby-liquid 5.4 occur, with arguments that fit and with odd ones. What it
lacks and `liquid_reference.rb` does not add is left out (doc, dashes at raw, what is no Liquid inside of
comment, break inside tablerow), and so is the present time. Numbers stay
so small that none leaves 64 bits by adding and multiplying a few times: the reference has no such
limit.
"""
import json
import random

WORDS = ["apple", "Banana", "cherry pie", "  padded\t", "", " ", "a,b,c", "Hello, World!", "5", "-3",
         "2.50", "1e3", "007", "+4", "1_000", "12abc", "abc12", " 8 ", ".5", "5.", "0", "0.0", "-0", "--1",
         "<p class='x'>Tom &amp; \"Jo\"</p>", "a & b < c > d", "line one\nline two\r\nthree\n", "gr\u00fc\u00df Gott",
         "\u00c4pfel", "\u65e5\u672c\u8a9e \u30c6\u30ad\u30b9\u30c8", "\U0001f600 smile", "e\u0301", "one two  three   four",
         "aaa", "abcabcabc", "x.y.z", "%20+a%2Fb", "a b&c=d/e?f", "YWJj", "YWJjZA==", "_-8=", "true",
         "false", "nil", "empty", "<!-- c --><script>x</script><style>y</style>z", "unclosed <b",
         "&lt;ok&gt; &amp &#39; &#x27;", "a-b_c", "CamelCase", "\\n\\\\", "#{x} #$y", "tab\tsep", "z",
         "title", "size", "first", "Ångström", "İstanbul", "ǆ", "ﬁn", "\u00a0nbsp\u00a0"]
DATES = ["2020-01-01", "2024-02-29 13:05:09", "March 14, 2016", "1 Apr 2001 8:30 pm", "2012-12-31T23:59:59Z",
         "2010-05-06T07:08:09+02:00", "1152098955", "Fri, 16 Jul 2004 01:00:00 GMT", "2004-07-16 01:00:00 -0500",
         "no date", "", "2019-13-45", "Jan 5 2015", "20150607", "2015/06/07", "12:30:45 2014-03-02",
         "14 Mar 2016 10pm", "14 Mar 2016 at 12 a.m.", "14-03-2016", "14.3.2016", "20160314T220102Z", "2016-03-14 10",
         "on 14 March 2016 at 22:01", "Sunday, 2nd February 2014 7:08PM EST", "2016-03-14 22:01:02.123456789", "-7"]
FLAGS = "aAbBcCdDeFgGhHIjklLmMnNpPrRsStTuUvVwWxXyYzZ%"
NUMBERS = [0, 1, 2, 3, 4, 5, 7, 10, 42, 100, 1000, -1, -2, -7, -100, 123456, 2147483647, 0.5, 1.5, 2.5, -2.5,
           3.14159, 0.1, 0.0, -0.5, 1e3, 99.99, 1.005, 2.675, 1e17, 1e16, 1e15, 123456789.125, 1e-5, 0.0001, 5.0,
           1.25e-7, -1e18, 100.0, 4.35]
KEYS = ["title", "price", "tags", "a", "b", "ok", "n", "size", "first", "x y", "missing"]
ROOTS = ["a", "b", "s", "t", "n", "f", "list", "nums", "strs", "mixed", "products", "h", "nested", "yes", "no", "nil_v",
         "empty_a", "empty_h", "empty_s", "missing", "item", "i", "x", "y", "foo-bar", "q?", "title", "card"]


class Maker:
    def __init__(self, seed, number):
        self.r = random.Random(seed * 1000003 + number)
        self.loops = 0
        self.tabled = False  # within a tablerow or case, which 5.4 cannot leave
        self.inside = False  # of a partial, which the reference reads only when it is used
        self.leafy = False  # of one that may use another
        self.late = False  # what is made may never run: an error there is found by one side only

    def chance(self, percent):
        return self.r.random() * 100 < percent

    def pick(self, items):
        return items[int(self.r.random() * len(items))]

    # --- data

    def scalar(self):
        return self.pick([None, True, False, self.pick(NUMBERS), self.pick(NUMBERS), self.pick(WORDS),
                          self.pick(WORDS), self.pick(WORDS)])

    def product(self):
        out = {}
        for key in KEYS[:8]:
            if self.chance(55):
                out[key] = {"title": self.pick(WORDS), "price": self.pick(NUMBERS),
                            "tags": [self.pick(WORDS) for _ in range(self.r.randrange(3))]}.get(key)
                if key not in ("title", "price", "tags") or self.chance(10):
                    out[key] = self.scalar()
        return out

    def value(self, depth=0):
        kind = self.r.randrange(10)
        if kind < 6 or depth > 2:
            return self.scalar()
        if kind < 8:
            return [self.value(depth + 1) for _ in range(self.r.randrange(4))]
        return {self.pick(KEYS): self.value(depth + 1) for _ in range(self.r.randrange(4))}

    def data(self):
        r, pick = self.r, self.pick
        made = {
            "a": lambda: self.value(), "b": lambda: self.value(), "s": lambda: pick(WORDS), "k": lambda: pick([0, 1, 3, 5, -1, "2", "x", None, 1.5]),
            "t": lambda: pick(WORDS), "n": lambda: pick(NUMBERS), "f": lambda: pick(NUMBERS),
            "list": lambda: [self.scalar() for _ in range(r.randrange(6))],
            "nums": lambda: [pick(NUMBERS) for _ in range(r.randrange(7))],
            "strs": lambda: [pick(WORDS) for _ in range(r.randrange(6))],
            "mixed": lambda: [self.value(1) for _ in range(r.randrange(5))],
            "products": lambda: [self.product() for _ in range(r.randrange(5))],
            "h": lambda: self.product(), "nested": lambda: {"a": {"b": [1, {"title": pick(WORDS)}]}, "list": [[1, 2], [3, [4]]]},
            "yes": lambda: True, "no": lambda: False, "nil_v": lambda: None, "empty_a": lambda: [],
            "empty_h": lambda: {}, "empty_s": lambda: "", "foo-bar": lambda: self.scalar(), "q?": lambda: self.scalar(),
            "title": lambda: pick(KEYS), "card": lambda: self.product(),
        }
        return {name: make() for name, make in made.items() if self.chance(85)}

    # --- expressions

    def string(self, words=WORDS):
        word = self.pick(words)
        quote = self.pick("'\"")
        if quote in word:
            quote = "'" if quote == '"' else '"'
        word = word.replace(quote, "").replace("%}", "").replace("}}", "").replace("{{", "").replace("{%", "")
        return quote + word.replace("}", "") + quote

    def number(self):
        number = self.pick(NUMBERS)
        return str(number) if isinstance(number, int) else ("%f" % number)

    def space(self):
        return self.pick(["", "", "", " ", "  ", "\n"])

    def variable(self):
        name = self.pick(ROOTS)
        if self.loops and self.chance(30):
            name = self.pick(["item", "i", "forloop.index", "forloop.first", "forloop.last", "forloop.length",
                              "forloop.rindex0", "forloop.parentloop.index", "tablerowloop.col", "item.title",
                              "tablerowloop.row", "forloop.name", "forloop.rindex", "forloop.index0", "tablerowloop.col_last"])
        while self.chance(25):
            name += self.pick([lambda: "." + self.pick([k for k in KEYS if " " not in k] + ["last", "first", "size"]),
                               lambda: "[" + self.pick(["0", "1", "-1", "'title'", "\"a\"", "i", "title", "99", "s", "n"]) + "]"])()
        if self.chance(2):
            name = "[" + self.pick(["'s'", "title", "'foo-bar'", "\"nums\""]) + "]"
        return name

    def range(self, spaced=False):
        bound = lambda: self.pick([str(self.r.randrange(-2, 6)), str(self.r.randrange(7)), "k", "nums.size", "'3'", "k", "missing"])
        gap = self.pick(["", "", "", " "]) if spaced else ""
        return "(" + bound() + gap + ".." + gap + bound() + ")"

    def literal(self):
        return self.pick(["nil", "true", "false", "empty", "blank", "null", self.string(), self.string(), self.number(),
                          self.number()])

    def expression(self, spaced=False):
        roll = self.r.randrange(100)
        if roll < 62:
            return self.variable()
        if roll < 96:
            return self.literal()
        return self.range(spaced)

    def small(self):
        if self.chance(7):
            return self.pick(["nil", "missing", "1.5", "'x'", "s", "n", "''"])
        return self.pick(["0", "1", "2", "3", "5", "-1", "-3", "10", "'2'", "\"-1\"", "100", "50", "nums.size", "' 4 '", "'+1'"])

    def property(self):
        return self.pick(["'title'", "\"price\"", "'a'", "'ok'", "'tags'", "'missing'", "title", "nil", "0", "1.5", "'size'", "'n'", "missing"])

    def filter(self):
        text = lambda: self.string() if self.chance(70) else self.expression()
        short = lambda: self.pick(["','", "' '", "''", "'a'", "'b'", "'l'", "\"an\"", "'\\n'", "5", "nil", "s", "missing", "'\u00fc'", "\".\"", "'-'"])
        number = lambda: self.number() if self.chance(60) else self.expression()
        shapes = [
            (lambda: self.pick(["abs", "ceil", "floor", "round"]), []),
            (lambda: self.pick(["plus", "minus", "times", "divided_by", "modulo", "at_least", "at_most"]), [number]),
            (lambda: self.pick(["plus", "minus", "times", "divided_by", "modulo"]), [number]),
            (lambda: "round", [self.small]),
            (lambda: self.pick(["append", "prepend"]), [text]),
            (lambda: self.pick(["upcase", "downcase", "capitalize", "strip", "lstrip", "rstrip", "strip_newlines", "newline_to_br"]), []),
            (lambda: self.pick(["escape", "escape_once", "h", "strip_html", "url_encode", "url_decode", "base64_encode",
                                "base64_encode | base64_decode", "base64_url_safe_encode | base64_url_safe_decode",
                                "append: '!' | base64_decode" if not self.late else "base64_url_safe_encode"]), []),
            (lambda: self.pick(["replace", "replace_first", "replace_last"]), [short, text]),
            (lambda: self.pick(["remove", "remove_first", "remove_last", "split"]), [short]),
            (lambda: "split", [short]),
            (lambda: self.pick(["truncate", "truncatewords", "slice"]), [self.small]),
            (lambda: self.pick(["truncate", "truncatewords"]), [self.small, text]),
            (lambda: "slice", [self.small, self.small]),
            (lambda: self.pick(["size", "first", "last", "reverse", "join", "sort", "sort_natural", "uniq", "compact"]), []),
            (lambda: self.pick(["sort", "sort_natural", "uniq", "compact", "map", "where"]), [self.property]),
            (lambda: "where", [self.property, self.expression]),
            (lambda: self.pick(["find", "find_index", "has", "reject"]), [self.property]),
            (lambda: self.pick(["find", "find_index", "has", "reject"]), [self.property, self.expression]),
            (lambda: "sum", self.pick([[], [self.property]])),
            (lambda: "join", [short]),
            (lambda: "concat", [lambda: self.pick(["list", "nums", "strs", "products", "mixed", "empty_a", "list", "nums", "strs", self.pick(["missing", "s", "(1..2)", "h"])])]),
            (lambda: "default", [self.expression]),
            (lambda: "default", [self.expression, lambda: "allow_false: " + self.pick(["true", "false", "yes", "no", "nil_v"])]),
        ]
        name, arguments = self.pick(shapes)
        arguments = [make() for make in arguments]
        roll = self.r.randrange(100)
        if roll == 0 and not self.late:
            arguments.append(self.expression())
        elif roll == 1 and arguments and not self.late:
            arguments.pop()
        bar = self.pick(["|", " | ", " | ", " |", "| "])
        return bar + name() + (":" + self.pick(["", " "]) + ", ".join(arguments) if arguments else "")

    def date(self):
        """Whole dates only: what is missing would be taken from the present."""
        flags = lambda: "'" + "".join("%" + self.pick(["", "", "", "", "-", "0", "^", "_", "10", "#", "3", "E", "O", ":", "^12"]) + self.pick(FLAGS) + self.pick([" ", "", "/"])
                                      for _ in range(1 + self.r.randrange(3))) + "'"
        shape = flags() if self.chance(60) else self.string(["%Y-%m-%d", "%e %b %y", "%H:%M:%S", "%s", "%j %a", "%-d.%-m.", ""])
        date = self.string(DATES) if self.chance(80) else self.pick(["1152098955", "0", "-1", "1700000000", "nil", "'1152098955'", "missing", "1.5"])
        return date + " | date: " + shape + (self.filter() if self.chance(10) else "")

    def pipeline(self):
        if self.chance(4):
            return self.date()
        out = self.expression(True)
        for _ in range(self.pick([0, 0, 0, 1, 1, 1, 1, 2, 2, 3])):
            out += self.filter()
        return out

    def comparison(self):
        out = self.expression(True)
        if self.chance(70):
            gap = " "
            out += gap + self.pick(["==", "==", "!=", "<>", "<", ">", "<=", ">=", "contains", "contains"]) + gap + self.expression()
        return out

    def condition(self):
        out = self.comparison()
        while self.chance(25):
            out += self.pick([" and ", " or "]) + self.comparison()
        return out

    # --- statements

    def tag(self, inside):
        left, right = self.pick(["", "", "", "", "-"]), self.pick(["", "", "", "", "-"])
        return "{%" + left + self.pick([" ", " ", " ", "  ", "\n"]) + inside + " " + right + "%}"

    def output(self):
        left, right = self.pick(["", "", "", "", "-"]), self.pick(["", "", "", "", "-"])
        return "{{" + left + self.pick([" ", " ", ""]) + self.pipeline() + " " + right + "}}"

    def text(self):
        return self.pick(["text ", " ", "\n", "  \n ", "-", "a } b", "<b>", "\u00fc ", "", "|", "{ x }", "% }", "\t", "" if self.late else "{", "}}", "%}"])

    def body(self, depth):
        late, self.late = self.late, True
        out = "".join(self.statement(depth + 1) for _ in range(self.pick([0, 1, 1, 2, 2, 3])))
        self.late = late
        return out

    def name(self):
        return self.pick(["x", "y", "a", "s", "item", "foo-bar", "i", "list"])

    def attributes(self, table):
        out = ""
        gap = self.pick([" ", ", ", " ,"])
        if not table and self.chance(20):
            out += " reversed"
        for key in ["limit", "offset"] + (["cols"] if table else []):
            if self.chance(30):
                bound = self.pick(["0", "1", "2", "3", "10", "n", "'2'", "nil", "missing", "-1"])
                if key == "offset" and not table and self.chance(40):
                    bound = "continue"
                out += gap + key + ":" + self.pick(["", " "]) + bound
        return out

    def collection(self, spaced=False):
        return self.range(spaced) if self.chance(25) else self.pick(
            ["list", "nums", "strs", "products", "mixed", "h", "s", "missing", "empty_a", "nested.list", "item", "a", "card.tags",
             "n", "yes", "nil_v", "empty_s", "empty", "'abc'", "item.tags", "5"])

    def loop(self, depth):
        table = self.chance(25)
        kind = "tablerow" if table else "for"
        out = self.tag(kind + " " + self.pick(["item", "i", "x"]) + " in " + self.collection(not table) + self.attributes(table))
        self.loops += 1
        tabled, self.tabled = self.tabled, table
        out += self.body(depth)
        if self.chance(20) and not table:
            out += self.tag("if " + self.condition()) + self.tag(self.pick(["break", "continue"])) + self.tag("endif")
            out += self.body(depth)
        self.loops -= 1
        self.tabled = tabled
        if not table and self.chance(25):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("end" + kind)

    def branches(self, depth):
        kind = self.pick(["if", "if", "unless"])
        out = self.tag(kind + " " + self.condition()) + self.body(depth)
        while self.chance(25):
            out += self.tag("elsif " + self.condition()) + self.body(depth)
        if self.chance(45):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("end" + kind)

    def case(self, depth):
        tabled, self.tabled = self.tabled, True  # a break there leaves too little in 5.4
        out = self.whens(depth)
        self.tabled = tabled
        return out

    def whens(self, depth):
        out = self.tag("case " + self.expression()) + self.pick(["", " ", "\n"])
        for _ in range(self.pick([0, 1, 2, 3])):
            whens = self.literal() if self.chance(60) else self.variable()
            while self.chance(30):
                whens += self.pick([", ", " or ", ","]) + (self.literal() if self.chance(60) else self.variable())
            out += self.tag("when " + whens) + self.body(depth)
            if self.chance(10):
                out += self.tag("else") + self.body(depth)
        if self.chance(40):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endcase")

    def partial(self):
        if self.inside and not self.leafy:  # partials that call each other twice never end in the reference
            return self.text()
        out = self.pick(["include", "render"]) + " 'dir/leaf'" if self.inside else self.pick(["include", "render"]) + " " + self.pick(["'card'", "\"row\"", "'card'", "'row'", "'dir/leaf'", "'card'" if self.late else "'gone'"])
        roll = self.r.randrange(6)
        if roll == 0:
            out += " with " + self.pick(["item", "h", "list", "s", "products", "missing", "n"])
        elif roll == 1:
            out += " for " + self.pick(["products", "nums", "strs", "h", "s", "missing", "(1..3)", "empty_a"])
        if roll < 2 and self.chance(40):
            out += " as " + self.pick(["card", "x", "item", "row"])
        while self.chance(30):
            out += ", " + self.pick(["x", "y", "title", "card", "n"]) + ": " + self.pick([self.literal, self.variable])()
        return self.tag(out)

    def liquid_lines(self):
        lines = []
        for _ in range(self.pick([1, 1, 2, 3])):
            lines.append(self.pick([
                lambda: "assign " + self.name() + " = " + self.pipeline().replace("\n", " "),
                lambda: "echo " + self.pipeline().replace("\n", " "),
                lambda: "# a comment",
                lambda: "if " + self.condition().replace("\n", " ") + "\n  echo s\nelse\n  echo 'no'\nendif",
                lambda: "for i in " + self.collection() + "\n echo i\nendfor",
                lambda: "increment c", lambda: "cycle 'a', 'b'",
                lambda: "case n\nwhen 1\necho 'one'\nelse\necho 'other'\nendcase"])())
        return self.tag("liquid\n" + "\n".join(lines) + "\n")

    def broken(self):
        return self.pick(["{{ a | }}", "{% if %}x{% endif %}", "{{ a b }}", "{% endif %}", "{% if a %}", "{{ 'abc }}", "{{ a", "{% for i on list %}{% endfor %}",
                          "{% unknown %}", "{{ a.b..c }}", "{% assign x %}", "{% case %}{% endcase %}",
                          "{{ a[ }}", "{{ (1..) }}", "{% capture %}{% endcapture %}", "{% if a == %}{% endif %}", "{{ @x }}", "{{ a | append: }}",
                          "{% if a & b %}{% endif %}", "{% elsif a %}", "{% raw %}", "{% comment %}", "{% if a %}{% endfor %}",
                          "{{ a | join: , }}", "{{ -x }}", "{{ a..b }}", "{% include %}", "{% render x %}", "{% for i in list limit %}{% endfor %}",
                          "{{ 1 + 2 }}", "{% if a = b %}{% endif %}", "{{ a.1 }}", "{%- raw x -%}{% endraw %}", "{% liquid\nif a\n%}", "{% when 1 %}",
                          "{{ 'a' 'b' }}", "{{ a || upcase }}", "{{ a | upcase upcase }}", "{% #a\nb %}", "{% liquid\n foo\n%}", "{% unless %}{% endunless %}"])

    def statement(self, depth=0):
        roll = self.r.randrange(1000)
        if depth > 3:
            roll = self.r.randrange(520)
        if roll < 170:
            return self.text()
        if roll < 420:
            return self.output()
        if roll < 480:
            return self.tag("assign " + self.name() + self.pick([" = ", " = ", "="]) + self.pipeline())
        if roll < 500:
            return self.tag("echo " + self.pipeline())
        if roll < 520:
            return self.tag(self.pick(["increment", "decrement"]) + " " + self.pick(["c", "n", "x", "foo-bar"]))
        if roll < 660:
            return self.loop(depth)
        if roll < 780:
            return self.branches(depth)
        if roll < 840:
            return self.case(depth)
        if roll < 870:
            return self.tag("capture " + self.name()) + self.body(depth) + self.tag("endcapture")
        if roll < 900:
            items = ", ".join(self.pick(["'one'", "'two'", "1", "2.5", "s", "item", "nil", "\"three\""]) for _ in range(1 + self.r.randrange(3)))
            return self.tag("cycle " + self.pick(["", "", "'g': ", "n: ", "s: ", "'h':"]) + items)
        if roll < 925:
            return self.partial()
        if roll < 940:
            return self.tag("ifchanged") + self.body(depth) + self.tag("endifchanged")
        if roll < 955:
            return self.liquid_lines()
        if roll < 965:
            inside, self.inside = self.inside, True  # 5.4 reads what stands in comments
            out = self.tag("comment") + self.body(depth) + self.tag("endcomment")
            self.inside = inside
            return out
        if roll < 975:
            return "{% raw %}" + self.pick(["{{ a }}", "{% if %}", " x ", "", "%}", "{% endra %}", "\n {%- x"]) + "{% endraw %}"
        if roll < 985:
            return self.tag("# " + self.pick(["note", "it's", "two\n # lines", "{{ x", ""]))
        if self.loops and not self.tabled:
            return self.tag(self.pick(["break", "continue"]))
        return "{{ a | nosuchfilter }}" if self.chance(20) and not self.late else self.broken() if not self.inside else self.text()

    def partials(self):
        self.inside = self.late = self.leafy = True
        made = {"card": self.pick(["[{{ card.title }}{{ x }}]", "{{ card }}{% assign x = 'set' %}{{ forloop.index }}", self.body(2)]),
                "row": self.pick(["({{ row }}{{ y }})", "{% increment c %}{{ row.price | plus: 1 }}", self.body(2)])}
        self.leafy = False
        made["dir/leaf"] = self.pick(["<{{ leaf }}>", "{{ forloop.index }}{{ x }}{% assign x = 'leaf' %}", self.body(3)])
        # The reference trims the space they begin with by the last dash of the template.
        return {name: text.lstrip() for name, text in made.items()}


def case(seed, number):
    maker = Maker(seed, number)
    made = {"template": "".join(maker.statement() for _ in range(1 + maker.r.randrange(5))),
            "data": maker.data(), "partials": maker.partials()}
    if maker.chance(5) and not any(tag in json.dumps(made) for tag in ("render", "increment", "decrement")):
        made["strict_variables"] = True
    return made
