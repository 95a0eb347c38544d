#!/usr/bin/python3
"""The client's fuzzers until so many steps of dialogue were made: show_fuzz.py [STEPS].

A step is one thing done to a session: a piece of input, of output, a submission, a release, a
time-out, an end. Two thirds of them are made against the project's own receiving machine, whose
oracle knows both ends (smtp_world.h), some of it with a wire that lies; one third against a
server that says anything at all (fuzz_smtp_client.c). The build is the one with ASan and UBSan.
Each part has a seed of its own and is the same in every run; one runs on each core.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import time

PART = 250_000
PROGRAMS = ("smtp_session", "smtp_session", "smtp_client")
PLACE = "build/debug/tests/fuzz"


def run(part):
    name = PROGRAMS[part % len(PROGRAMS)]
    command = [f"{PLACE}/{name}", f"{PART}:{part + 1}", f"tests/fuzz/corpus/{name}"]
    done = subprocess.run(command, capture_output=True, text=True)
    counted = re.search(r"steps (\d+) inputs (\d+)", done.stdout)
    if done.returncode != 0 or not counted:
        return name, 0, 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return name, int(counted[1]), int(counted[2]), None


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    began, findings, sums = time.time(), [], {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, steps, inputs, finding in pool.map(run, range(-(-wanted // PART))):
            before = sums.get(name, (0, 0))
            sums[name] = (before[0] + steps, before[1] + inputs)
            findings += [finding] if finding else []
    for name, (steps, inputs) in sorted(sums.items()):
        print(f"{name:14} {steps:>12,} steps {inputs:>10,} inputs")
    steps = sum(s for s, _ in sums.values())
    good = not findings and steps >= wanted
    print("\n".join(findings), end="\n" if findings else "")
    print(f"{'ok' if good else 'FAILED'}: {steps:,} steps, {sum(i for _, i in sums.values()):,} inputs, "
          f"{len(findings)} findings, {time.time() - began:.0f} s, ASan and UBSan")
    print(f"show-fuzz: {int(good)} passed, {int(not good)} failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
