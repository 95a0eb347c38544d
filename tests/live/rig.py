"""The rig: a private PostgreSQL, a real DNS server, sinks and a configured rundbrief, on loopback.

Used by the live tests and by the benchmark. Everything it starts it stops, by pid; everything it
writes lies in one folder. Run with Debian's python3."""

import atexit
import json
import os
import pathlib
import random
import re
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
    """For TCP and UDP, and none that the kernel gives to whoever connects or asks: between here and
    the server's start somebody else's connection could have it."""
    own = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, own if own > 20000 else 32768)
        try:
            with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
                stream.bind((address, port))
                datagrams.bind((address, port))
                return port
        except OSError:
            continue
    raise RuntimeError(f"no port of {address} is free")


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
    def __init__(self, name, fast=True, keep=False, program=None, place=None):
        self.place = place or ROOT / "build" / "live" / name
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.program = pathlib.Path(program or os.environ.get("RUNDBRIEF_PROGRAM") or
                                    ROOT / "build" / "rundbrief")
        self.keep = keep
        self.processes = []
        self.zone_port = None
        self.dkim_records = {}
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
        self.database_pid = self.postmaster()
        return self.conninfo

    def start_database_again(self):
        run(LIVE / "pg.sh", "start", self.place / "pg")

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
        """Bytes PostgreSQL has written: pages of tables and indexes, WAL by its positions, and the
        page that every flush of the WAL writes once more. What the kernel counts for each process
        cannot be used: since files have large folios, 8 KB written count as up to 2 MB."""
        time.sleep(1.1)  # processes tell their counts when they fall idle, once a second at most
        row = self.sql("select buffers_checkpoint + buffers_clean + buffers_backend, "
                       "pg_current_wal_lsn() - '0/0', wal_sync from pg_stat_bgwriter, pg_stat_wal")
        pages, wal, flushes = (int(float(x)) for x in row[0])
        return {"pages": pages * 8192, "wal": wal, "flushes": flushes * 8192}

    def start_zone(self, records, origin="test."):
        zone = self.place / "zone"
        lines = [f"$ORIGIN {origin}", "$TTL 300",
                 "@ IN SOA ns hostmaster 1 3600 600 86400 60", "@ IN NS ns", "ns IN A 127.0.0.1"]
        zone.write_text("\n".join(lines + records) + "\n")
        self.zone_port = free_port()
        run(LIVE / "nsd.sh", "start", zone, self.zone_port, self.place / "nsd")
        return self.zone_port

    def start_sink(self, *options, listeners=("127.0.0.1",), port=None, count_file=None,
                   before=()):
        """One sink on all the addresses, with one port: `127.0.0.2` or `127.0.0.2;reject=3%`.
        before: a command that runs it elsewhere, in a network namespace say.
        Returns (port, process); process.counts() are its counts after it was stopped."""
        listeners = list(listeners)
        port = port or free_port("127.0.0.1" if before else listeners[0].split(";")[0])
        counts = pathlib.Path(count_file or self.place / f"sink-{port}.json")
        counts.unlink(missing_ok=True)
        command = [*before, str(self.program), "sink", "--count-file", str(counts)]
        for listener in listeners:
            address, _, settings = listener.partition(";")
            command += ["--listen", f"{address}:{port}" + (";" + settings if settings else "")]
        log = counts.with_suffix(".log")
        with open(log, "w") as out:
            process = subprocess.Popen(command + [str(o) for o in options], stdout=out, stderr=out,
                                       cwd=self.place)
        process.counts = lambda: load_json(counts)
        self.processes.append(process)
        for _ in range(200):
            if "listening" in log.read_text():
                return port, process
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the sink does not listen: " + log.read_text())

    # -- rundbrief -------------------------------------------------------------------------------

    def settings(self, port, **changes):
        """What the tests have in common: loopback only, no limits, retries within seconds.
        changes: section=dict, laid over it key by key."""
        sections = {
            "database": {"conninfo": self.conninfo},
            "dns": {"server": "127.0.0.1", "port": self.zone_port, "ipv6": False,
                    "timeout": "1s", "tries": 2},
            "engine": {"name": "live", "journal": str(self.place / "journal")},
            "source": [("default", {"helo": "out.news.test"})],
            "smtp": {"port": port, "allow_loopback": True, "tls": "none"},
            "default_limits": {"connections": 20, "messages_per_connection": 0,
                               "message_rate": "1000000/s", "connection_rate": "10000/s"},
            "sending": {"return_domain": "bounce.test", "base_url": "https://news.test",
                        "secret": str(self.place / "secret")},
            "campaigns": {"ramp": False, "hard": "100%", "blocks": "100%",
                          "lint_off": ["unknown-field", "no-unsubscribe"]},
            "retry": {"first": "1s", "last": "2s", "greylist_first": "1s", "expiry": "1h"},
        }
        for name, keys in changes.items():
            if isinstance(keys, list):
                sections[name] = keys
            else:
                sections[name] = {**sections.get(name, {}), **keys}
        return sections

    def keygen(self, selector, kind, domain="news.test"):
        """Makes a key; returns its section for configure() and notes its DNS record."""
        path = self.place / f"{selector}.pem"
        path.unlink(missing_ok=True)
        said = json.loads(self.command("dkim", "keygen", "--domain", domain, "--selector", selector,
                                       "--type", kind, "--out", path, "--json").stdout)
        self.dkim_records[said["name"].rstrip(".")] = said["text"]
        return (selector, {"domain": domain, "selector": selector, "key": str(path)})

    def bad_signatures(self, messages):
        """What python3-dkim says of every signature of these messages; [] when all verify."""
        import dkim
        faults = []
        for message in messages:
            head = b"\r\n" + message.split(b"\r\n\r\n", 1)[0].lower()
            count = head.count(b"\r\ndkim-signature:")
            if count == 0:
                faults.append("unsigned")
            for index in range(count):
                try:
                    good = dkim.DKIM(message).verify(
                        idx=index, dnsfunc=lambda name, timeout=5:
                        self.dkim_records.get(name.decode().rstrip("."), "").encode() or None)
                except dkim.DKIMException as error:
                    good = error
                if good is not True:
                    faults.append(str(good))
        return faults

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

    def popen(self, *arguments, before=(), **options):
        env = dict(os.environ, RUNDBRIEF_CONFIG=str(self.config))
        options.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen([*before, str(self.program), *map(str, arguments)],
                                   env=env, cwd=self.place, **options)
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

    def prepare(self, domains, listeners, *sink_options, dkim=(), **changes):
        """Database, zone, sink, configuration and tables at once; returns the sink's process.
        dkim: ("ed25519", ...); listeners: as start_sink() takes them."""
        self.start_database()
        self.start_zone(mail_zone(domains))
        port, sink = self.start_sink(*sink_options, listeners=listeners)
        self.prepare_with(port, dkim, **changes)
        return sink

    def prepare_with(self, port, dkim=(), **changes):
        self.configure(**self.settings(port, **changes))
        if dkim:
            keys = [self.keygen(f"k{i}", kind) for i, kind in enumerate(dkim)]
            self.configure(**self.settings(port, dkim=keys, **changes))
        self.command("init")

    def report(self, campaign):
        return json.loads(self.command("report", campaign, "--json").stdout)

    def rows(self, campaign, *filters):
        return json.loads(self.command("recipients", campaign, *filters, "--json").stdout)

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

    def equal(self, found, wanted, claim):
        return self.check(found == wanted,
                          f"{claim}: {found}" + ("" if found == wanted else f", not {wanted}"))

    def adds_up(self, report, targeted, accepted):
        """The equation of a finished campaign, counted here again, and the sink's word for it."""
        name = report["campaign"]
        endings = ["delivered", "failed", "in_doubt", "suppressed", "cancelled", "held_out"]
        terms = " + ".join(f"{e} {report[e]}" for e in endings if report[e])
        self.equal(report["targeted"], targeted, f"{name}: targeted")
        self.check(report["holds"] and report["open"] == 0 and report["fully_cut"] and
                   report["targeted"] == sum(report[e] for e in endings),
                   f"{name}: targeted {report['targeted']} = {terms}")
        self.equal(report["delivered"], accepted, f"{name}: delivered is what the sink accepted")
        self.equal(sum(report["failed_by_class"].values()), report["failed"],
                   f"{name}: failed by class adds up")
        self.equal(sum(report["suppressed_by_reason"].values()), report["suppressed"],
                   f"{name}: suppressed by reason adds up")

    def end(self, name):
        line = f"{name}: {self.passed} passed, {self.failed} failed"
        print(line + (f", {self.skipped} skipped" if self.skipped else ""), flush=True)
        sys.exit(1 if self.failed else 0)


def subscribers_csv(path, count, domains, seed=1, fields=("first_name",), prefix="r"):
    """A list of count subscribers over domains; every field is there and says something."""
    chance = random.Random(seed)
    with open(path, "w") as f:
        f.write("email," + ",".join(fields) + "\n")
        for i in range(1, count + 1):
            values = [f"{name}{i}" for name in fields]
            f.write(f"{prefix}{i}@{chance.choice(domains)}," + ",".join(values) + "\n")
    return path


def known_keys(program):
    """What a program's configuration knows: {"default_limits.connections", "smtp.port", ...}."""
    keys, section = set(), ""
    for line in run(program, "help", "config").stdout.splitlines():
        if head := re.match(r'(\w+)( "\w+")? \{', line):
            section = head.group(1)
        elif key := re.match(r"  (\w+)", line):
            keys.add(f"{section}.{key.group(1)}")
    return keys


def mail_zone(domains):
    """Records of a zone `test.`: each domain's mail goes to mx.DOMAIN at the address."""
    records = []
    for domain, address in domains.items():
        label = domain.removesuffix(".test")
        records += [f"{label} IN MX 10 mx.{label}", f"mx.{label} IN A {address}"]
    return records


def exact_messages(path):
    """What a sink kept with --store exact:FILE: (recipients, Message-ID, bytes) of each."""
    data = pathlib.Path(path).read_bytes()
    for line in pathlib.Path(str(path) + ".tsv").read_text().splitlines():
        offset, size, _, recipients, message_id, _ = line.split("\t")
        yield recipients.split(","), message_id, data[int(offset):int(offset) + int(size)]


def logged_recipients(path):
    """What a sink wrote with --log-recipients FILE: (recipient, Message-ID) of each line."""
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [tuple(line.split("\t")[:2]) for line in lines]


def wait_for(condition, limit, interval=0.1):
    """Whether the condition came to hold within limit seconds."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(interval)
    return bool(condition())


def load_json(path):
    return json.loads(pathlib.Path(path).read_text())
