#!/usr/bin/env python3
"""show_liquid.py RUNS PROGRAM... - fuzzers of templates/: RUNS executions each without a finding?

Each runs on one core from its seeds; what it found new is kept in build/fuzz/found. The pace must be
such that fifty million take an hour of one core at most, counted in CPU time, so that a busy machine
says the same. `FUZZ_RUNS=` sets the count.
"""
import os
import re
import resource
import subprocess
import sys

WANTED_PACE = 50_000_000 / 3600


def run(program, runs):
    name = os.path.basename(program)
    found = "build/fuzz/found/" + name
    os.makedirs(found, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([program, "-runs=%d" % runs, "-timeout=10", "-max_len=160", "-print_final_stats=1",
                          "-artifact_prefix=%s-" % found, found, "tests/fuzz/corpus/" + name],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    done = re.search(r"number_of_executed_units: (\d+)", out.stdout)
    count = int(done.group(1)) if done else 0
    clean = out.returncode == 0 and count >= runs
    fast = count / max(seconds, 0.001) >= WANTED_PACE
    print("%s  %s: %d executions, no finding" % ("ok    " if clean else "FAILED", name, count))
    if not clean:
        print(out.stdout[-3000:])
    print("%s  %s: %d a second of CPU, so fifty million in %d minutes" % (
        "ok    " if fast else "FAILED", name, count / max(seconds, 0.001), 50e6 / max(count / max(seconds, 0.001), 1) / 60))
    return clean + fast, 2


def main(runs, programs):
    results = [run(program, runs) for program in programs]
    passed, claims = sum(r[0] for r in results), sum(r[1] for r in results)
    print("fuzz-liquid: %d passed, %d failed" % (passed, claims - passed))
    return passed < claims


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
