"""`make show-import-speed`: a million rows of a realistic CSV into a fresh list, and again into the
list that is there; rows a second of the client's CPU time and of the clock, PostgreSQL included.

usage: import_speed.py [--count N] [--rounds N] [--json FILE]

The file has what exports have: quoted fields with commas and doubled quotes, names of several
scripts, addresses in capitals, empty cells, international domains, and one row in a thousand that
is no address (it is rejected, with its line). PostgreSQL keeps its durable defaults. The medians of
all rounds are judged; each round has a database of its own."""

import argparse
import json
import os
import pathlib
import random
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "live"))
import rig as r  # noqa: E402

PROMISED_CPU = 150000   # rows a second of client CPU
PROMISED_WALL = 60000   # rows a second by the clock, PostgreSQL included
FIRST = ("Anna", "Jürgen", "Zoë", "Marek", "Ольга", "李", "Sam", "Renée", "Ann-Sophie", "Luís")
LAST = ("Miller", "Schröder", "O'Brien", "Ferreira", "van den Berg", "Иванова", "Nagy", "Smith")
CITIES = ("Berlin", "São Paulo", "Köln", "Paris, Texas", "Washington, D.C.", "Kraków", "Oslo")
DOMAINS = ("mail.test", "post.example.com", "bücher.test", "example.org", "Office.Example.Com")
HEADER = "email,name,city,plan,points,signed up,note"
PLANS = ("free", "basic", "pro", "")


def quoted(text):
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"') else text


def write_file(path, count):
    chance = random.Random(20)
    with open(path, "w", encoding="utf-8") as out:
        out.write(HEADER + "\n")
        for i in range(1, count + 1):
            name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
            domain = chance.choice(DOMAINS) if chance.random() < 0.8 else f"d{i % 50000}.test"
            address = "nobody at home" if i % 1000 == 0 else f"u.{i}@{domain}"
            if i % 50 == 0:
                address = address.upper() if domain.isascii() else address
            note = f'said "{i % 7} times", twice' if i % 10 == 0 else ""
            row = (address, name, chance.choice(CITIES), chance.choice(PLANS), str(i % 5000),
                   f"20{i % 26:02}-{i % 12 + 1:02}-{i % 28 + 1:02}", note)
            out.write(",".join(map(quoted, row)) + "\n")


def one(rig, path, name, rows):
    """Imports; what it cost."""
    before = rig.database_cpu()
    began = time.monotonic()
    process = rig.popen("import", path, "--list", name)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    client = usage.ru_utime + usage.ru_stime
    return {"seconds": took, "client_cpu_seconds": client, "rows_per_second": rows / took,
            "rows_per_client_cpu_second": rows / client,
            "database_cpu_usec": (rig.database_cpu() - before) * 1e6 / rows,
            "client_peak_memory_bytes": usage.ru_maxrss * 1024, "exit": process.returncode}


def show(name, result):
    print(f"{name:8} {result['rows_per_second']:9,.0f} rows/s   client "
          f"{result['rows_per_client_cpu_second']:9,.0f} rows/s of CPU, "
          f"{result['client_peak_memory_bytes'] >> 20} MB   postgresql "
          f"{result['database_cpu_usec']:.1f} us a row", flush=True)


def fresh():
    rig = r.Rig("import", fast=False)
    rig.start_database()
    rig.zone_port = 53  # nothing of this asks the DNS
    rig.configure(**rig.settings(25))
    rig.command("init")
    return rig


def measure(path, count, rounds):
    results = {"new": [], "again": []}
    for _ in range(rounds):
        rig = fresh()
        for name in results:
            results[name].append(one(rig, path, "main", count))
            show(name, results[name][-1])
            results[name][-1]["subscribers"] = int(
                rig.sql("select count(*) from subscriptions where state = 1")[0][0])
        rig.close()
    return results


def median(results, key):
    return statistics.median(result[key] for result in results)


def judge(checks, results, count):
    good = count - count // 1000
    for name, runs in results.items():
        found = {run["subscribers"] for run in runs}
        checks.check(found == {good}, f"{name}: {good:,} of {count:,} rows are on the list: {found}")
    cpu = median(results["new"], "rows_per_client_cpu_second")
    wall = median(results["new"], "rows_per_second")
    checks.check(cpu >= PROMISED_CPU,
                 f"{cpu:,.0f} rows/s on one core of client CPU, promised {PROMISED_CPU:,}")
    checks.check(wall >= PROMISED_WALL,
                 f"{wall:,.0f} rows/s by the clock with PostgreSQL, promised {PROMISED_WALL:,}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default=str(r.ROOT / "build" / "import_speed.json"))
    options = parser.parse_args()
    checks = r.Checks()
    path = r.ROOT / "build" / f"import-{options.count}.csv"
    write_file(path, options.count)
    print(f"{options.count:,} rows, {path.stat().st_size >> 20} MB", flush=True)
    results = measure(path, options.count, options.rounds)
    pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    path.unlink()
    judge(checks, results, options.count)
    checks.end("import")


if __name__ == "__main__":
    main()
