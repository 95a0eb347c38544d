#!/usr/bin/env python3
"""Checks the shape of the house: imports only point down, functions and files stay readable,
and each folder of code has a README.

Reads tests/tools/floors (a floor number and a room a line) and every #include "..." of the
rooms. Prints one file:line a finding and exits 1 when there are any.
"""
import os
import re
import subprocess
import sys

TOPS = ["engine", "templates", "importer", "bench", "include"]
README_TOPS = TOPS + ["tests"]  # tests may import what they like, but are read too
CODE = (".c", ".h", ".py", ".sh", ".awk", ".talk")
FUNCTION_LINES = 120
FILE_LINES = 700
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
CLOCK = re.compile(r"\b(clock_gettime|gettimeofday|timespec_get|time\s*\(\s*(NULL|0|&))")

# Rooms of one floor that may import each other, importer first. On floors 4 and 5 any may.
SAME_FLOOR = {
    ("engine/smtp", "engine/mail"),
    ("engine/shape", "engine/mail"),
    ("engine/shape", "engine/smtp"),
    ("templates", "engine/mail"),
    ("engine/data", "engine/io"),
}
OPEN_FLOORS = {4, 5}
# Only this room reads a clock; measuring programs of bench/ are no part of the engine.
CLOCK_ROOMS = {"engine/io", "bench"}


def read_floors(path):
    floors = {}
    for line in open(path):
        fields = line.split("#")[0].split()
        if fields:
            floors[fields[1]] = int(fields[0])
    return floors


def room_of(path, floors):
    """The longest room whose path begins this one."""
    fits = [r for r in floors if path == r or path.startswith(r + "/")]
    return max(fits, key=len, default=None)


def may_import(room, other, floors):
    if room == other:
        return True
    if floors[room] != floors[other]:
        return floors[room] > floors[other]
    return floors[room] in OPEN_FLOORS or (room, other) in SAME_FLOOR


def source_files(tops):
    for top in tops:
        for folder, _, names in sorted(os.walk(top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(folder, name)


def check_include(path, room, target, floors):
    other = room_of(target, floors)
    if other is None:
        return f'"{target}" belongs to no room: includes are written from the top'
    if not may_import(room, other, floors):
        return (f"{room} (floor {floors[room]}) imports {other} (floor {floors[other]}): "
                "imports point down")
    return None


def check_file(path, floors):
    room = room_of(path, floors)
    if room is None:
        return [f"{path}:1: belongs to no room of tests/tools/floors"]
    findings = []
    lines = open(path, encoding="utf-8", errors="replace").read().splitlines()
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        wrong = include and check_include(path, room, include.group(1), floors)
        if not wrong and room not in CLOCK_ROOMS and CLOCK.search(line):
            wrong = "reads a clock: only engine/io does, everything else is given now"
        if wrong:
            findings.append(f"{path}:{number}: {wrong}")
    if path.endswith(".c") and len(lines) > FILE_LINES:
        findings.append(f"{path}:{FILE_LINES + 1}: {len(lines)} lines, at most {FILE_LINES}: "
                        "split it by noun")
    return findings


def check_readmes():
    for top in README_TOPS:
        for folder, _, names in sorted(os.walk(top)):
            if "README.md" not in names and any(name.endswith(CODE) for name in names):
                yield f"{folder}:1: has no README.md that says where to start reading"


def functions(paths):
    """(path, name, first line, last line) of each function, as universal-ctags sees them."""
    run = subprocess.run(
        ["ctags", "-L", "-", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f",
         "--fields=+ne", "-f", "-"],
        input="\n".join(paths), capture_output=True, text=True, check=True)
    for row in run.stdout.splitlines():
        fields = row.split("\t")
        numbers = dict(f.split(":", 1) for f in fields[3:] if f.startswith(("line:", "end:")))
        if "end" in numbers:
            yield fields[1], fields[0], int(numbers["line"]), int(numbers["end"])


def main():
    floors = read_floors("tests/tools/floors")
    paths = list(source_files(TOPS))
    findings = [f for path in paths for f in check_file(path, floors)] + list(check_readmes())
    paths += list(source_files(["tests"]))
    lengths = []
    for path, name, first, last in functions(paths):
        lengths.append(last - first + 1)
        if lengths[-1] > FUNCTION_LINES:
            findings.append(f"{path}:{first}: {name} has {lengths[-1]} lines, "
                            f"at most {FUNCTION_LINES}")
    if findings:
        wrong_files = {f.split(":")[0] for f in findings}
        print("\n".join(findings))
        print(f"layers: {len(paths) - len(wrong_files)} passed, {len(wrong_files)} failed")
        return 1
    lengths.sort()
    if not lengths:
        print("ctags found no function: is this universal-ctags?")
        print("layers: 0 passed, 1 failed")
        return 1
    print(f"{len(paths)} files in {len(floors)} rooms, imports point down; "
          f"{len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, "
          f"p90 {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}")
    print(f"layers: {len(paths)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FileNotFoundError as missing:
        sys.exit(f"layers: {missing.filename} is missing "
                 "(run at the top of the project; ctags is in universal-ctags)")
