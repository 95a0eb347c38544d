#!/usr/bin/python3
"""How much of engine/smtp its fuzzers reach: show_edges.py EDGES-PROGRAM MUTATIONS [--missing].

Runs edges.c, asks addr2line whose each edge is, and prints the share of each file and of all;
--missing also lists the lines of the edges that nothing took. Fails below 90 %.
"""
import collections
import re
import subprocess
import sys
import time

WANTED = 90.0


def owners(program, addresses):
    """The file and line of the outermost function at each address: inlined code counts for
    whoever it was inlined into."""
    text = subprocess.run(["addr2line", "-a", "-i", "-e", program], input="\n".join(addresses),
                          capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        if line.startswith("0x"):
            found.append("?")
        else:
            found[-1] = re.sub(r" \(discriminator.*", "", line)
    return [place.split("engine/smtp/")[-1] if "engine/smtp/" in place else "headers:0"
            for place in found]


def place_key(place):
    name, line = place.split(":")
    return name, int(line) if line.isdigit() else 0


def main():
    program, mutations = sys.argv[1:3]
    began = time.time()
    ran = subprocess.run([program, mutations], capture_output=True, text=True)
    if ran.returncode != 0:
        print(f"FAILED: {program} {mutations} ended with {ran.returncode}: make replay "
              f"MUTATIONS={mutations} shows where\n{ran.stderr}show-edges: 0 passed, 1 failed")
        return 1
    edges = [line.split() for line in ran.stdout.splitlines()]
    taken, total, missing = collections.Counter(), collections.Counter(), collections.Counter()
    for place, (_, hit) in zip(owners(program, [edge[0] for edge in edges]), edges):
        name = place.split(":")[0]
        total[name] += 1
        taken[name] += hit == "1"
        if hit == "0":
            missing[place] += 1
    for name in sorted(total):
        print(f"{name:24} {taken[name]:5} of {total[name]:5} edges {100 * taken[name] / total[name]:6.1f} %")
    if "--missing" in sys.argv:
        for place in sorted(missing, key=place_key):
            print(f"not taken: engine/smtp/{place}")
    share = 100 * sum(taken.values()) / sum(total.values())
    good = share >= WANTED
    print(f"engine/smtp: {sum(taken.values())} of {sum(total.values())} edges, {share:.1f} %, by its "
          f"fuzzers' seeds and {mutations} mutations each, in {time.time() - began:.0f} s")
    print(f"{'ok' if good else 'FAILED'}: at least {WANTED:.0f} % of the edges")
    print(f"show-edges: {int(good)} passed, {int(not good)} failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
