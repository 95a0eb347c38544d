"""`rundbrief campaign check` on a long list: how long it takes, and what the counts cost an import.

The same people are imported with the triggers that count and without them, beside each other; the
difference in CPU time of the database server is what counting costs. Then a letter is checked that
reads ten attributes, and its findings are compared with what a count of everything gives.

usage: test_lint.py [PEOPLE]"""

import json
import sys
import time

import rig as r

COLUMNS = ["first_name", "city", "plan", "points", "country"]
LETTER = ("<html lang='en'><title>x</title><p>{{ first_name }} {{ city }} {{ plan }} {{ points }} "
          "{{ country }} {{ frist_name }} {{ nothing }} {{ a1 | default: 'x' }}</p>"
          "<a href='{{ unsubscribe_url }}'>out</a></html>")
LARGE = 500000  # people: from there on times are judged
CHECK_LIMIT = 2  # seconds for the whole command
DATA_LIMIT = 100  # milliseconds for the counts alone
CORPUS = r.ROOT.parent / "shared" / "corpus" / "newsletters"


def people(path, count, points):
    with open(path, "w") as out:
        out.write("email,name," + ",".join(COLUMNS) + "\n")
        for i in range(count):
            first = "" if i % 50 == 0 else f"F{i % 5000}"
            city = f"C{i % 300}" if i % 3 else ""
            out.write(f"u{i}@d{i % 1000}.test,N {i},{first},{city},p{i % 4},{i % 997 + points},DE\n")


def imported(rig, path):
    """CPU seconds of the database for an import of the file."""
    before = rig.database_cpu()
    rig.command("import", path, "--list", "main", "--quiet", timeout=3600)
    time.sleep(0.3)  # until the connection's process has ended
    return rig.database_cpu() - before


def switch(rig, word):
    for table, name in rig.sql("select tgrelid::regclass, tgname from pg_trigger "
                               "where tgname ~ '^subscri(ber|ption)s_counted'"):
        rig.sql(f"alter table {table} {word} trigger {name}")


def empty(rig):
    rig.sql("truncate subscribers, subscriptions, attribute_counts, attribute_changes")


def cost(rig, count):
    """CPU microseconds a row, of new people and of people whose values change."""
    costs = []
    for word in ("disable", "enable"):
        switch(rig, word)
        empty(rig)
        costs.append([imported(rig, rig.place / f"people{points}.csv") / count * 1e6
                      for points in (0, 1)])
    return costs


def check(rig, name):
    before = time.time()
    found = rig.command("campaign", "check", rig.place / name, "--json", check=False)
    return json.loads(found.stdout), time.time() - before


def corpus(rig, checks):
    """Letters that others have written: what is found, by name."""
    tally, errors = {}, 0
    for path in sorted(CORPUS.glob("*.html")) if CORPUS.exists() else []:
        html, name = path.read_text(), path.stem.replace(".", "-")
        if "handlebars" in name:  # another language
            html = "{% raw %}" + html + "{% endraw %}"
        rig.campaign(name, html=html, subject="News", lint_off=["unknown-field"])
        found, _ = check(rig, name)
        errors += found["errors"]
        for finding in found["findings"]:
            tally[finding["name"]] = tally.get(finding["name"], 0) + 1 + finding["more"]
    for name, number in sorted(tally.items(), key=lambda row: -row[1]):
        print(f"    {number:4} {name}")
    checks.check(errors == 0, f"no error in the letters of others ({sum(tally.values())} findings)")


def counts_milliseconds(rig, names):
    """What the database takes for the counts alone."""
    statement = (r.ROOT / "sql/queries/api_lint_counts.sql").read_text()
    for old, new in (("$1", "1"), ("$2", "'[\"main\"]'"), ("$3", f"'{json.dumps(names)}'")):
        statement = statement.replace(old, new)
    plan = rig.sql("explain (analyze, timing off) " + statement)
    return float(next(row[0] for row in plan if row[0].startswith("Execution Time")).split()[2])


def main(count):
    checks, rig = r.Checks(), r.Rig("lint")
    rig.start_database()
    rig.configure(**rig.settings(25, dns={"port": 53}, campaigns={"lint_off": []}))
    rig.command("init")
    for points in (0, 1):
        people(rig.place / f"people{points}.csv", count, points)
    without, counting = cost(rig, count)
    for number, what in enumerate(("new people", "people whose values change")):
        extra = counting[number] - without[number]
        print(f"    {what}: {without[number]:.1f} us of CPU a row, counting adds {extra:.1f}")
        if count >= LARGE:
            checks.check(extra < without[number], f"{what}: counting costs less than importing")
    rig.campaign("long", html=LETTER, subject="News")
    check(rig, "long")
    found, took = min((check(rig, "long") for _ in range(5)), key=lambda row: row[1])
    want = rig.sql("select " + ", ".join(f"count(*) filter (where attributes ->> '{c}' <> '')"
                                         for c in COLUMNS) + " from subscribers")[0]
    got = {f["name"]: f["recipients"] for f in found["fields"]}
    checks.equal([str(got[c]) for c in COLUMNS], want, "the counts are exact")
    for finding in found["findings"]:
        print(f"    {finding['severity']}: {finding['sentence']} [{finding['name']}]")
    sentences = [f["sentence"] for f in found["findings"]]
    missing = f"{(count + 49) // 50:,} of {count:,} recipients have no first_name"
    checks.check(missing in sentences, missing)
    checks.check(any("did you mean 'first_name'?" in s for s in sentences), "a misspelt name is known")
    asked = min(counts_milliseconds(rig, list(got)) for _ in range(5))
    print(f"    {count:,} people: counts asked in {asked:.1f} ms, the whole check in {took * 1000:.0f} ms")
    if count >= LARGE:
        checks.check(asked < DATA_LIMIT and took < CHECK_LIMIT,
                     f"which is within {DATA_LIMIT} ms and {CHECK_LIMIT:.0f} s")
    corpus(rig, checks)
    if count >= LARGE:
        print(f"show-lint: {asked:.1f} ms for {count:,} people, "
              f"{'ok' if checks.failed == 0 else 'FAILED'}")
    rig.close()
    checks.end("lint")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
