#!/usr/bin/env python3
"""liquid_oracle.py OURS [COUNT [SEED]] - generated templates: does OURS write what ruby-liquid writes?

Prints how many cases agree and each that does not, as JSON and both answers; exits 1 if any. A case
where the reference prints an error text is right when OURS ends with an error. `--case N` shows one.
"""
import json
import os
import subprocess
import sys
import tempfile

import liquid_cases

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = 20


def answers(command, path):
    with open(path) as cases:
        out = subprocess.run(command, stdin=cases, stdout=subprocess.PIPE, check=True, timeout=900,
                             env=dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8"))
    return [json.loads(line) for line in out.stdout.splitlines()]


def said(answer):
    return "error: " + answer["error"] if "error" in answer else repr(bytes.fromhex(answer["text"]).decode(errors="replace"))


def agree(ours, reference):
    return ("error" in ours and "error" in reference) or ("text" in ours and ours.get("text") == reference.get("text"))


def main(arguments):
    only = None
    if "--case" in arguments:
        at = arguments.index("--case")
        only = int(arguments[at + 1])
        del arguments[at:at + 2]
    ours = arguments[0]
    count = int(arguments[1]) if len(arguments) > 1 else 20000
    seed = int(arguments[2]) if len(arguments) > 2 else 1
    numbers = range(count) if only is None else [only]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as cases:
        for number in numbers:
            cases.write(json.dumps(liquid_cases.case(seed, number)) + "\n")
        cases.flush()
        mine = answers([ours], cases.name)
        theirs = answers(["ruby", os.path.join(HERE, "liquid_reference.rb")], cases.name)
    if len(mine) != len(numbers) or len(theirs) != len(numbers):
        print("oracle: 0 passed, 1 failed: %d and %d answers to %d cases" % (len(mine), len(theirs), len(numbers)))
        return 1
    wrong = [i for i in range(len(numbers)) if not agree(mine[i], theirs[i])]
    errors = sum("error" in answer for answer in theirs)
    for i in wrong[:SHOWN] if only is None else range(1):
        made = liquid_cases.case(seed, numbers[i])
        print("FAILED: seed %d, case %d: %s" % (seed, numbers[i], json.dumps(made)))
        print("  ours:      %s\n  reference: %s" % (said(mine[i]), said(theirs[i])))
    print("%d of %d generated templates agree with ruby-liquid (%d of them end with an error there)"
          % (len(numbers) - len(wrong), len(numbers), errors))
    print("oracle: %d passed, %d failed" % (len(numbers) - len(wrong), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
