#!/usr/bin/python3
"""What the demo left is read by others: show_demo.py [N]

Runs the demo with N readers, then compares the sink's own counts with the report, looks for
Message-IDs that came twice, adds the report up again, and has python3-dkim verify up to 1,000
signatures of messages that the sink stored."""

import collections
import pathlib
import random
import subprocess
import sys

import dkim

from rig import Checks, ROOT, load_json

PLACE = ROOT / "var" / "demo"


def stored_messages():
    """(recipients, bytes) of each stored message, from the index beside the file of bytes."""
    data = (PLACE / "sample").read_bytes()
    lines = (PLACE / "sample.tsv").read_text().splitlines()
    for line in lines:
        fields = line.split("\t")
        if not fields[0].isdigit():
            continue
        offset, size = int(fields[0]), int(fields[1])
        yield fields[3], data[offset:offset + size]


def key_record():
    for line in (PLACE / "dkim.txt").read_text().splitlines():
        if "TXT" in line:
            return "".join(line.split('"')[1::2]).encode()
    raise SystemExit("the demo wrote no DKIM record")


def check_counts(checks):
    report, sink = load_json(PLACE / "report.json"), load_json(PLACE / "sink.json")
    funnel = report
    lines = (PLACE / "accepted.tsv").read_text().splitlines()
    ids = collections.Counter(line.split("\t")[1] for line in lines)
    print(f"sink accepted {sink['accepted']}, report delivered {funnel['delivered']}, "
          f"{len(ids)} distinct Message-IDs")
    checks.check(sink["accepted"] == funnel["delivered"] == len(lines),
                 "the sink's accepted = the report's delivered = lines of its log")
    checks.check(ids and max(ids.values()) == 1, "each Message-ID came exactly once")
    terms = [funnel[k] for k in ("delivered", "failed", "in_doubt", "suppressed", "cancelled",
                                 "held_out")]
    print(f"targeted {funnel['targeted']} = {' + '.join(map(str, terms))}")
    checks.check(funnel["targeted"] == sum(terms), "the equation holds")


def check_signatures(checks):
    record = key_record()
    messages = list(stored_messages())
    sample = random.Random(1).sample(messages, min(1000, len(messages)))
    good = sum(dkim.verify(m, dnsfunc=lambda name, timeout=5: record) for _, m in sample)
    print(f"python3-dkim verified {good} of {len(sample)} messages")
    checks.check(len(sample) > 0 and good == len(sample), "every signature in the sample verifies")


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    checks = Checks()
    done = subprocess.run(["sh", str(ROOT / "bench" / "demo" / "run.sh"), str(n)],
                          stdout=subprocess.DEVNULL)
    checks.check(done.returncode == 0, f"the demo with {n} readers comes to its end")
    check_counts(checks)
    check_signatures(checks)
    checks.end("show-demo")


main()
