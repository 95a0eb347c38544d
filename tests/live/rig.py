"""The rig: a private PostgreSQL, a real DNS server, sinks and a configured rundbrief, on loopback.

Used by the live tests and by the benchmark. Everything it starts it stops, by pid; everything it
writes lies in one folder. Run with Debian's python3."""

import atexit
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIVE = ROOT / "tests" / "live"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port(address="127.0.0.1"):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def run(*command, check=True, **options):
    options.setdefault("timeout", 900)
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {result.returncode}\n"
                           f"{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result


def cpu_of(pid):
    """CPU seconds of a process (user and system), with the children it has waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS


def io_of(pid, key="write_bytes"):
    """Bytes a process has sent to the disk, with the children it has waited for."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
            name, value = line.split(":")
            if name == key:
                return int(value)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0


def children_of(pid):
    try:
        tasks = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(t) for t in tasks]
    except FileNotFoundError:
        return []


def peak_memory_of(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


class Rig:
    def __init__(self, name, fast=True, keep=False, program=None):
        self.place = ROOT / "build" / "live" / name
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.program = pathlib.Path(program) if program else ROOT / "build" / "rundbrief"
        self.keep = keep
        self.processes = []
        self.zone_port = None
        self.sinks = []
        self.sections = []
        self.fast = fast
        atexit.register(self.close)
        for s in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, lambda *_: sys.exit(130))

    # -- parts -----------------------------------------------------------------------------------

    def start_database(self):
        shutil.rmtree(self.place / "pg", ignore_errors=True)
        out = run(LIVE / "pg.sh", "start", self.place / "pg", *(["--fast"] if self.fast else []))
        self.conninfo = out.stdout.strip().splitlines()[-1]
        self.database_started = True
        return self.conninfo

    def stop_database(self, remove=False):
        run(LIVE / "pg.sh", "remove" if remove else "stop", self.place / "pg", check=False)

    def sql(self, statement):
        out = run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.conninfo, "-c", statement)
        return [line.split("|") for line in out.stdout.splitlines() if line]

    def postmaster(self):
        return int(self.sql("select pg_read_file('postmaster.pid', 0, 10)")[0][0].split()[0])

    def database_cpu(self):
        """All of PostgreSQL's processes, those that have ended included."""
        pid = self.postmaster()
        return cpu_of(pid) + sum(cpu_of(c) for c in children_of(pid))

    def database_written(self):
        pid = self.postmaster()
        return io_of(pid) + sum(io_of(c) for c in children_of(pid))

    def start_zone(self, records, origin="test."):
        zone = self.place / "zone"
        lines = [f"$ORIGIN {origin}", "$TTL 300",
                 "@ IN SOA ns hostmaster 1 3600 600 86400 60", "@ IN NS ns", "ns IN A 127.0.0.1"]
        zone.write_text("\n".join(lines + records) + "\n")
        self.zone_port = free_port()
        run(LIVE / "nsd.sh", "start", zone, self.zone_port, self.place / "nsd")
        return self.zone_port

    def start_sink(self, *options, address="127.0.0.1", port=None):
        port = port or free_port(address)
        log = open(self.place / f"sink-{port}.log", "w")
        process = subprocess.Popen(
            [str(self.program), "sink", "--listen", f"{address}:{port}", *map(str, options)],
            stdout=log, stderr=log)
        self.processes.append(process)
        self.sinks.append(process)
        for _ in range(200):
            try:
                socket.create_connection((address, port), timeout=1).close()
                return port, process
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the sink does not listen: " +
                           (self.place / f"sink-{port}.log").read_text())

    # -- rundbrief -------------------------------------------------------------------------------

    def configure(self, **sections):
        """Writes rundbrief.conf; a section is a dict, or a list of (title, dict)."""
        def value(v):
            if isinstance(v, bool):
                return "true" if v else "false"
            if isinstance(v, (list, tuple)):
                return "{" + ", ".join(f'"{x}"' for x in v) + "}"
            return str(v) if isinstance(v, int) else '"' + str(v).replace('"', '\\"') + '"'

        lines = []
        for name, body in sections.items():
            for title, keys in (body if isinstance(body, list) else [(None, body)]):
                lines.append(f'{name} "{title}" {{' if title else f"{name} {{")
                lines += [f"\t{k} = {value(v)}" for k, v in keys.items()]
                lines.append("}")
        self.config = self.place / "rundbrief.conf"
        self.config.write_text("\n".join(lines) + "\n")

    def command(self, *arguments, check=True, **options):
        env = dict(os.environ, RUNDBRIEF_CONFIG=str(self.config))
        return run(self.program, *arguments, check=check, env=env, cwd=self.place, **options)

    def popen(self, *arguments, **options):
        env = dict(os.environ, RUNDBRIEF_CONFIG=str(self.config))
        process = subprocess.Popen([str(self.program), *map(str, arguments)], env=env,
                                   cwd=self.place, **options)
        self.processes.append(process)
        return process

    def campaign(self, name, html=None, text=None, subject="Hello {{ first_name }}", **settings):
        """A campaign folder; returns its path."""
        folder = self.place / name
        folder.mkdir(exist_ok=True)
        keys = {"name": name, "subject": subject, "from": "News <news@news.test>",
                "lists": ["main"], **settings}
        if html is not None:
            (folder / "body.html").write_text(html)
            keys["html"] = "body.html"
        if text is not None:
            (folder / "body.txt").write_text(text)
            keys["text"] = "body.txt"

        def value(v):
            if isinstance(v, list):
                return "{" + ", ".join(f'"{x}"' for x in v) + "}"
            return '"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"'
        (folder / "campaign.conf").write_text(
            "".join(f"{k} = {value(v)}\n" for k, v in keys.items()))
        return folder

    def stop(self, process, how=signal.SIGTERM, limit=30):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return process.returncode

    def close(self):
        for process in reversed(self.processes):
            self.stop(process)
        self.processes = []
        if self.zone_port:
            run(LIVE / "nsd.sh", "stop", self.place / "nsd", check=False)
            self.zone_port = None
        if getattr(self, "database_started", False):
            self.stop_database(remove=not self.keep)
            self.database_started = False


class Checks:
    """Counts claims; prints each; `N passed, N failed` at the end."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, holds, claim):
        print(("ok      " if holds else "FAILED  ") + claim, flush=True)
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        return holds

    def skip(self, claim):
        print("skipped " + claim, flush=True)
        self.skipped += 1

    def end(self, name):
        line = f"{name}: {self.passed} passed, {self.failed} failed"
        print(line + (f", {self.skipped} skipped" if self.skipped else ""), flush=True)
        sys.exit(1 if self.failed else 0)


def subscribers_csv(path, count, domains, seed=1, fields=("first_name",)):
    """A list of count subscribers over domains; every field is there and says something."""
    chance = random.Random(seed)
    with open(path, "w") as f:
        f.write("email," + ",".join(fields) + "\n")
        for i in range(1, count + 1):
            values = [f"{name}{i}" for name in fields]
            f.write(f"r{i}@{chance.choice(domains)}," + ",".join(values) + "\n")
    return path


def load_json(path):
    return json.loads(pathlib.Path(path).read_text())
