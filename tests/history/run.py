#!/usr/bin/env python3
"""Plays generated histories on the simulated store and on the real one, and compares.

    run.py PROGRAMS FIRST COUNT    PROGRAMS: the folder of history_sim and history_pg

What the two print is compared line by line. Where they differ, or a claim does not hold on one
of them, acts are left out as long as it stays so, and the shortest history that is left is
printed with the command that plays it. Hits of every kind of act and of mishap are counted: one
that never struck proves nothing.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

CHUNK = 20  # histories a program plays in one database
ACTS = 160  # that a history may have
SHRINK_RUNS = 60  # plays that a minimisation may take
PLAY_SECONDS = 1200
SIDES = ("sim", "pg")


class Cluster:
    """A PostgreSQL of our own, or the one that RUNDBRIEF_TEST_DB names."""

    def __enter__(self):
        self.folder = None
        if not os.environ.get("RUNDBRIEF_TEST_DB"):
            self.folder = tempfile.mkdtemp(prefix="rundbrief-history.", dir="/var/tmp")
            command = ["sh", "tests/live/pg.sh", "start", self.folder, "--fast"]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            os.environ["RUNDBRIEF_TEST_DB"] = said.stdout.strip()
        return self

    def __exit__(self, *_):
        if self.folder:
            subprocess.run(["sh", "tests/live/pg.sh", "remove", self.folder], check=False)
            os.rmdir(self.folder)


def words_of(seed, without):
    """What a program is asked, to play one seed without some acts."""
    left = [str(act) for act in range(ACTS) if act not in without]
    return [str(seed), "1"] + (["only=" + ",".join(left)] if without else [])


def play(programs, side, words):
    command = [f"{programs}/history_{side}"] + words
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PLAY_SECONDS, check=False
    )
    return done.stdout.decode("utf-8", "replace").splitlines(), done.returncode


def by_seed(lines):
    """{seed: its lines}, and the hits."""
    seeds, hits, current = {}, {}, None
    for line in lines:
        if line.startswith("seed "):
            current = seeds.setdefault(int(line.split()[1]), [])
        elif line.startswith("hits:"):
            hits = {k: int(v) for k, v in (word.split("=") for word in line.split()[1:])}
        elif current is not None:
            current.append(line)
    return seeds, hits


def fault_of(sim, pg):
    """The first thing that is wrong with a seed, as (kind, sentence); None: nothing is."""
    for lines in (sim, pg):
        for line in lines:
            if line.startswith("FAILED") or "rror:" in line or "assertion" in line:
                words = line.split(": ", 1)[-1].split()
                return ("fails", words[-1] if words else ""), line
    for a, b in zip(sim, pg):
        if a != b:
            return ("differs", a.split()[1:3]), f"sim: {a}\n  pg:  {b}"
    if len(sim) != len(pg):
        return ("differs", "length"), f"sim says {len(sim)} lines, pg {len(pg)}"
    return None


def play_both(programs, seed, without):
    sim, pg = (by_seed(play(programs, side, words_of(seed, without))[0])[0].get(seed, []) for side in SIDES)
    return fault_of(sim, pg)


def shrink(programs, seed):
    """The acts that may be left out with the same kind of fault."""
    first = play_both(programs, seed, ())
    if first is None:
        return set(), None
    without, size, runs, last = set(), ACTS // 2, 0, first
    while size >= 1 and runs < SHRINK_RUNS:
        for start in range(0, ACTS, size):
            more = without | set(range(start, min(start + size, ACTS)))
            if more == without or runs >= SHRINK_RUNS:
                continue
            runs += 1
            fault = play_both(programs, seed, more)
            if fault and fault[0][0] == first[0][0]:
                without, last = more, fault
        size //= 2
    return without, last


def report(programs, seed, fault):
    print(f"FAILED seed {seed}: {fault[1]}")
    without, last = shrink(programs, seed)
    again = " ".join(words_of(seed, without))
    if last:
        print(f"  shortest: {last[1]}")
    print(f"  {programs}/history_sim {again} >sim; {programs}/history_pg {again} >pg; diff sim pg")
    sys.stdout.flush()


def play_chunk(programs, first, count):
    results, hits = {}, {}
    played = {side: by_seed(play(programs, side, [str(first), str(count)])[0]) for side in SIDES}
    for seed in range(first, first + count):
        sides = [played[side][0].get(seed) for side in SIDES]
        if not all(sides):
            results[seed] = (("fails", "end"), "a program ended before this seed did")
        else:
            results[seed] = fault_of(*sides)
    for kind, number in played["pg"][1].items():
        hits[kind] = hits.get(kind, 0) + number
    return results, hits


def main(programs, first, count):
    failed, total = [], {}
    with Cluster(), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(play_chunk, programs, at, min(CHUNK, first + count - at))
            for at in range(first, first + count, CHUNK)
        ]
        for job in jobs:
            results, hits = job.result()
            failed += [(seed, fault) for seed, fault in results.items() if fault]
            for kind, number in hits.items():
                total[kind] = total.get(kind, 0) + number
        for seed, fault in failed[:3]:
            report(programs, seed, fault)
    for seed, fault in failed[3:]:
        print(f"FAILED seed {seed}: {fault[1]}")
    print("hits of acts and mishaps:", " ".join(f"{k}={v}" for k, v in sorted(total.items())))
    never = [kind for kind, number in total.items() if number == 0]
    if never or not total:
        print("FAILED: never met:", " ".join(never) or "anything")
    bad = len(failed) + (1 if never or not total else 0)
    print(f"history: {count - len(failed)} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
