"""What every peer is: a name, a version, a reason why it is not here, and one run of it against a
sink. A client (smtp-source, nodemailer) is a program that starts, sends and ends; a relay is a
server in a tree of its own, fed by rundbrief, that is measured from the first message it is given
until it has fallen silent. A new peer is a class of one of the two kinds, and a line in compare.py."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

import measure
import rig as r
from ours import CONNECTIONS, Sink

HERE = pathlib.Path(__file__).resolve().parent
ROOTS = r.ROOT / "build" / "roots"
NODE = r.ROOT / "build" / "peers" / "node"  # what npm has installed
PATIENCE = 60  # seconds without a message after which a peer has failed


class Failed(Exception):
    """A peer that is here did not do it."""


class Root:
    """An overlay over this machine with Debian packages of its own (root.sh); made once, kept. One
    process at a time has it, until close()."""

    def __init__(self, name, *packages):
        self.place, self.packages = ROOTS / f"peers-{name}", packages
        self.root, self.lock = self.place / "root", None

    def taken(self):
        """Whether it is ours now."""
        if not self.lock:
            self.place.mkdir(parents=True, exist_ok=True)
            lock = open(self.place / "lock", "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self.lock = lock
        return True

    def why_not(self):
        if os.geteuid() != 0:
            return "a root of its own needs root"
        if not self.taken():
            return f"another run has {self.place}"
        made = r.run(r.LIVE / "root.sh", "make", self.place, *self.packages, check=False)
        if made.returncode != 0:
            return made.stderr.strip().splitlines()[-1]
        return None

    def command(self, *command):
        """The same inside; the root is open since why_not()."""
        return ["chroot", str(self.root), *map(str, command)]

    def inside(self, *command, check=True):
        return r.run(*self.command(*command), check=check).stdout

    def version(self, package):
        return self.inside("dpkg-query", "-W", "-f", "${Version}", package)

    def write(self, path, text, mode=0o644):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def close(self):
        if self.lock:
            r.wait_for(lambda: r.run(r.LIVE / "root.sh", "close", self.place,
                                     check=False).returncode == 0, 10, 0.5)
            self.lock.close()
            self.lock = None


def npm_why_not():
    """None when the packages of package-lock.json are installed; sees to it the first time."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node and npm here"
    files = [HERE / "package.json", HERE / "package-lock.json"]
    wanted = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
    made = NODE / "made"
    if made.exists() and made.read_text() == wanted:
        return None
    shutil.rmtree(NODE, ignore_errors=True)
    NODE.mkdir(parents=True)
    for file in files:
        shutil.copy(file, NODE)
    try:
        r.run("npm", "ci", "--prefix", NODE, "--no-audit", "--no-fund", "--omit=optional",
              "--ignore-scripts", cwd=NODE, timeout=300)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        (NODE / "install.log").write_text(str(error))
        return f"npm cannot install it, see {NODE / 'install.log'}"
    made.write_text(wanted)
    return None


def npm_version(package):
    about = r.load_json(NODE / "node_modules" / package / "package.json")
    return f"{about['version']} on Node {r.run('node', '--version').stdout.strip()[1:]}"


class Peer:
    name = None
    root_name = None  # of compare.py's roots, when it lives in one
    signed = False
    connections = CONNECTIONS  # to the sink: as many as make it cheapest
    ours_connections = CONNECTIONS  # beside it
    distinct = True  # whether each of its messages differs from all others

    def __init__(self, ours):
        self.ours = ours
        self.place = ours.rig.place / f"peer-{type(self).__name__.lower()}"
        self.place.mkdir(exist_ok=True)
        self.log = self.place / "log"

    def why_not(self):
        """None, or why it cannot be had here; what can be installed is."""
        return None

    def version(self):
        return ""

    def measure(self, count, *sink_options):
        """One run of count messages; the sink must have had each of them, once."""
        sink = Sink(self.ours, *sink_options)
        meter = measure.Meter({"sink": [sink.process.pid],
                               "database": [self.ours.postmaster]})
        try:
            cpu, seconds, memory = self.run(sink, count, meter)
            spent = meter.stop()
        finally:
            counts = sink.end()
        if counts["accepted"] != count or counts["duplicates"]:
            raise Failed(f"the sink accepted {counts['accepted']} of {count}, "
                         f"{counts['duplicates']} of them twice")
        if self.distinct and counts["distinct_message_ids"] != count:
            raise Failed(f"{counts['distinct_message_ids']} Message-IDs in {count} messages")
        return {"seconds": seconds, "messages_per_second": count / seconds,
                "cost_usec": cpu * 1e6 / count, "sink_cpu_usec": spent["sink"].cpu_usec / count,
                "peak_memory_bytes": memory, **conditions(meter, cpu)}


class Client(Peer):
    """command(sink, count) sends count messages and ends."""

    def run(self, sink, count, meter):
        with open(self.log, "w") as out:
            process = subprocess.Popen(list(map(str, self.command(sink, count))),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        spent = meter.finish("peer", process, PATIENCE + count / 20)
        if process.returncode != 0:
            raise Failed(f"exit {process.returncode}: {self.log.read_text()[-300:]}")
        return spent.cpu_usec / 1e6, meter.seconds, spent.peak_memory_bytes


def conditions(meter, cpu):
    """The meter's, when it has not counted the peer itself."""
    if "peer" not in meter.spent:
        meter.spent["peer"] = measure.Spent(cpu * 1e6)
    return meter.conditions()


class Rooted:
    """A peer in a root."""

    def __init__(self, ours, root):
        super().__init__(ours)
        self.root = root

    def why_not(self):
        return self.root.why_not()


class Relay(Peer):
    """start(sink) returns the Tree of a server that listens on 127.0.0.1:self.port and sends all it
    is given to the sink."""

    def __init__(self, ours):
        super().__init__(ours)
        self.port = r.free_port()

    def greets(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
                s.settimeout(5)
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def load(self, count):
        """What is no part of the sending, once it runs."""

    def give(self, count, meter):
        """Gives it count messages, beside what is done in the context."""
        return self.ours.feeding(count, self.port, meter)

    def run(self, sink, count, meter):
        tree = self.start(sink)
        try:
            if not r.wait_for(lambda: self.greets() or not tree.runs(), 30) or not tree.runs():
                raise Failed("it does not greet: " + self.last_words())
            self.load(count)
            quiet(tree)
            cpu, began = tree.cpu() + self.database_cpu(), time.monotonic()
            with self.give(count, meter):
                if not sink.waits_for(count, PATIENCE):
                    raise Failed(f"{sink.accepted()} of {count} came: " + self.last_words())
            took = time.monotonic() - began
            quiet(tree)
            return tree.cpu() + self.database_cpu() - cpu, took, tree.memory()
        finally:
            tree.end()

    def database_cpu(self):
        """Of what is PostgreSQL's work for it."""
        return 0.0

    def last_words(self):
        return self.log.read_text()[-400:]


def quiet(tree, limit=15):
    """Waits until the tree has used less than 5 ms in half a second: what it still had to write,
    remove and tidy is done."""
    until, before = time.monotonic() + limit, -1.0
    while time.monotonic() < until and tree.cpu() - before >= 0.005:
        before = tree.cpu()
        time.sleep(0.5)
