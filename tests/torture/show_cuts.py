#!/usr/bin/python3
"""Beginnings of a real journal beside a real database: show_cuts.py [SAMPLES [RECIPIENTS]].

An engine sends to the sink and is killed in mid-campaign. Its database and its journal are kept,
and for each sample both are laid out again, the journal cut off at some byte, as if the engine
had been killed when so much of it was written. What the sink had taken by then is what is marked in
that beginning. Started again, the engine finishes: nobody is missing, whoever got it twice is
listed in doubt, and what counts as delivered lies at the sink."""
import collections
import json
import pathlib
import random
import re
import shutil
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "live"))

import rig as r  # noqa: E402

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 4)}


def name_of(address):
    return address.split("@")[0]


def taken(log):
    return collections.Counter(name_of(address) for address, _ in r.logged_recipients(log))


def records(rig, folder):
    out = rig.command("journal", "--directory", folder, "--records", "--json").stdout
    return json.loads(out)


class Scene:
    """The database and the journal as the killed engine left them."""

    def __init__(self, rig):
        self.rig, self.journal, self.kept = rig, rig.place / "journal", rig.place / "kept"
        shutil.copytree(self.journal, self.kept)
        self.database = re.search(r"dbname=(\S+)", rig.conninfo)[1]
        rig.live, rig.conninfo = rig.conninfo, rig.conninfo.replace(f"dbname={self.database}",
                                                                    "dbname=postgres")
        rig.sql(f"create database kept template {self.database}")
        self.files = sorted(self.kept.glob("*.journal"))
        last = self.files[-1]
        self.end = int(last.stem) + last.stat().st_size

    def lay_out(self, length):
        self.rig.sql(f"drop database {self.database} with (force)")
        self.rig.sql(f"create database {self.database} template kept")
        shutil.rmtree(self.journal)
        shutil.copytree(self.kept, self.journal)
        for file in sorted(self.journal.glob("*.journal")):
            begin = int(file.stem)
            if begin > length:
                file.unlink()
            elif begin + file.stat().st_size > length:
                with open(file, "r+b") as f:
                    f.truncate(length - begin)


def one(rig, checks, scene, length, settled, before, log, count):
    scene.lay_out(length)
    older = length < settled
    marked = {x["recipient"] for x in records(rig, scene.journal) if x["record"] == "mark"}
    had = before if older else collections.Counter(
        {name: n for name, n in before.items() if scene.numbers[name] in marked
         or scene.numbers[name] in scene.freed})
    log.write_text("")
    process = rig.popen("send", "letter", "--quiet", stderr=open(rig.place / "engine.err", "a"))
    r.wait_for(lambda: process.poll() is not None, 120)
    code = rig.stop(process)
    got = had + taken(log)
    report = rig.report("letter")
    listed = {name_of(row["email"]) for row in
              rig.rows("letter", "--attempts", "--verdict", "in-doubt")}
    delivered = {name_of(row["email"]) for row in rig.rows("letter", "--verdict", "delivered")}
    twice = {name for name, n in got.items() if n > 1}
    checks.check(code == 0 and len(got) == count and twice <= listed and delivered <= set(got)
                 and report["holds"] and report["open"] == 0,
                 f"{length} bytes{' (older than the database)' if older else ''}: ends with {code}, "
                 f"{len(got)} of {count} reached, {len(twice)} twice, {len(listed)} listed")


def main():
    samples, count = [int(a) for a in sys.argv[1:]] + [10, 1200][len(sys.argv) - 1:]
    checks, rig = r.Checks(), r.Rig("cuts")
    log = rig.place / "sink.log"
    log.touch()
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", log, "--delay", "50",
                                listeners=list(DOMAINS.values()))
    rig.prepare_with(port, default_limits={"message_rate": "150/s", "connections": 30,
                                           "messages_per_connection": 0,
                                           "connection_rate": "10000/s"})
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.campaign("letter", text="Dear {{ first_name }}\n", in_doubt="retry")
    rig.command("campaign", "create", rig.place / "letter")
    process = rig.popen("send", "letter", "--quiet")
    r.wait_for(lambda: sum(taken(log).values()) >= count // 2, 60, 0.02)
    rig.stop(process, signal.SIGKILL)
    before = taken(log)

    numbers = {name_of(e): int(i) for i, e in rig.sql("select id, address from subscribers")}
    settled = int(rig.sql("select position from engines")[0][0])
    scene = Scene(rig)
    scene.numbers = numbers
    everything = records(rig, scene.kept)
    # What was marked in segments that are freed is settled, and in every beginning.
    scene.freed = {numbers[name] for name in before} - {x["recipient"] for x in everything}
    print(f"killed: {sum(before.values())} taken, journal up to {scene.end}, settled up to {settled}")
    chance = random.Random(5)
    places = [settled // 2, settled, scene.end, scene.end - 1]
    while len(places) < samples:
        places.append(chance.randint(settled, scene.end))
    for length in sorted(places[:samples]):
        one(rig, checks, scene, length, settled, before, log, count)
    rig.stop(sink)
    rig.conninfo = rig.live
    rig.close()
    checks.end("cuts")


if __name__ == "__main__":
    main()
