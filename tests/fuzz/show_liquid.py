#!/usr/bin/env python3
"""show_liquid.py RUNS PROGRAM... - fuzzers of templates/: RUNS executions each without a finding?

Each runs on one core from its seeds; what it found new is kept in build/fuzz/found. The pace must be
such that fifty million take an hour of one core at most, counted in CPU time, so that a busy machine
says the same. `FUZZ_RUNS=` sets the count; the log of each is build/fuzz/found/NAME.log.
"""
import os
import re
import resource
import subprocess
import sys

WANTED_PACE = 50_000_000 / 3600
# No stack is kept of each allocation, and little of what was freed: the input is all that is allocated.
ASAN_OPTIONS = "malloc_context_size=0:quarantine_size_mb=8"
# Entropic weighs inputs by features that are rare: half of the time, for no more coverage.
FLAGS = ["-entropic=0", "-max_len=160", "-timeout=10", "-print_final_stats=1"]


def run(program, runs):
    name = os.path.basename(program)
    found = "build/fuzz/found/" + name
    os.makedirs(found, exist_ok=True)
    words = "tests/fuzz/%s.dict" % name
    flags = FLAGS + (["-dict=" + words] if os.path.exists(words) else [])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(found + ".log", "w") as log:
        status = subprocess.run([program, "-runs=%d" % runs, *flags, "-artifact_prefix=%s-" % found, found,
                                 "tests/fuzz/corpus/" + name], env=dict(os.environ, ASAN_OPTIONS=ASAN_OPTIONS),
                                stdout=log, stderr=subprocess.STDOUT).returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    with open(found + ".log", errors="replace") as log:
        said = log.read()
    done = re.search(r"number_of_executed_units: (\d+)", said)
    reached = re.findall(r"cov: (\d+) ft: (\d+)", said)
    count = int(done.group(1)) if done else 0
    clean = status == 0 and count >= runs
    fast = count / max(seconds, 0.001) >= WANTED_PACE
    print("%s  %s: %d executions, no finding; %s edges, %s features" % (
        "ok    " if clean else "FAILED", name, count, *(reached[-1] if reached else (0, 0))))
    if not clean:
        print(said[-3000:])
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
