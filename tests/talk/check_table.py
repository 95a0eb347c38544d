#!/usr/bin/python3
"""The table of rules in README.md against what there is.

Every number of the checklist has one row; whatever a row names in backticks exists: a dialogue of
this folder (`A12-timeout-*` for several), a unit test (`test_...`), or a file of the repository.
A row that names nothing says "not ours" and why. Every dialogue named after a rule is in the row
of that rule. Ends with a line that counts; the exit status says the same.
"""
import fnmatch
import glob
import os
import re
import sys

PLACE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(PLACE))
CHAPTERS = (("A", 1, 28), ("B", 29, 39), ("C", 40, 58), ("D", 59, 73), ("E", 74, 84),
            ("F", 85, 89))
RULES = [f"{letter}{n}" for letter, first, last in CHAPTERS for n in range(first, last + 1)]
ROW = re.compile(r"\| ([A-F]\d+) \| (.+?) \| (.+) \|$")


def unit_tests():
    found = set()
    for path in glob.glob(os.path.join(ROOT, "tests/unit/test_*.c")):
        with open(path, encoding="utf-8") as file:
            found.update(re.findall(r"^static void (test_\w+)\(", file.read(), re.MULTILINE))
    return found


def dialogues():
    return [os.path.basename(path)[:-len(".talk")]
            for path in glob.glob(os.path.join(PLACE, "*.talk"))]


def rule_of(dialogue):
    match = re.match(r"([A-F])0*(\d+)-", dialogue)
    return match and match[1] + match[2]


def check_row(rule, where, tests, talks, problems):
    """The dialogues that the row names."""
    named = set()
    names = re.findall(r"`([^`]+)`", where)
    if not names and "not ours: " not in where:
        problems.append(f"{rule} names neither a test nor why there is none")
    for name in names:
        fitting = fnmatch.filter(talks, name)
        named.update(fitting)
        exists = name in tests or ("/" in name and os.path.exists(os.path.join(ROOT, name)))
        if not fitting and not exists:
            problems.append(f"{rule} names {name}, which does not exist")
    return named


def main():
    with open(os.path.join(PLACE, "README.md"), encoding="utf-8") as file:
        rows = [match.groups() for match in map(ROW.match, file.read().splitlines()) if match]
    tests, talks, problems, seen = unit_tests(), dialogues(), [], {}
    for rule, _, where in rows:
        if rule in seen:
            problems.append(f"{rule} has two rows")
        seen[rule] = check_row(rule, where, tests, talks, problems)
    problems += [f"{rule} has no row" for rule in RULES if rule not in seen]
    for talk in sorted(talks):
        rule = rule_of(talk)
        if rule and talk not in seen.get(rule, ()):
            problems.append(f"{talk} is not in the row of {rule}")
    for problem in problems:
        print("tests/talk/README.md: " + problem)
    print(f"table: {len(RULES)} rules, {len(talks)} dialogues, {len(problems)} faults")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
