"""Where scenarios are played: a private PostgreSQL (or the one that is named), a zone of mail servers,
keys, lists, and a receiving side on this machine. Everything it starts it stops."""

import fcntl
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "live"))
import letter as letters  # noqa: E402
import measure  # noqa: E402
import rig as r  # noqa: E402

SITES = 64
DOMAINS = {f"site{i}.test": f"127.0.0.{10 + i}" for i in range(SITES)}
KEYS = {"none": (), "ed25519": ("ed25519",), "rsa": ("rsa",), "rsa+ed25519": ("rsa", "ed25519")}
BUILT, INSTALLED = ROOT / "build/release/bench/micro", ROOT / "../../lib/rundbrief"


class Unready(Exception):
    """Something that a person has to see to first; the sentence says what."""

    def __init__(self, sentence, code=1):
        super().__init__(sentence)
        self.code = code


def place(name):
    """A folder to work in: of the sources where they are, else one's own."""
    if (ROOT / "Makefile").exists() and os.access(ROOT, os.W_OK):
        return ROOT / "build" / "live" / name
    own = pathlib.Path(tempfile.gettempdir()) / f"rundbrief-{os.getuid()}"
    os.environ.setdefault("NSD_ROOT", str(own / "nsd"))
    return own / name


def micro(name):
    """One of bench/micro's."""
    for folder in (BUILT, INSTALLED):
        if (folder / name).exists():
            return (folder / name).resolve()
    raise Unready(f"{name} is not there: make build/release/bench/micro/{name}")


def alone(name):
    """Holds the folder, so that two do not measure each other; the file that is to be kept open."""
    folder = place(name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = open(folder.with_suffix(".lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unready(f"another one measures in {folder} now: wait for it", 1) from None
    return lock


class Stage:
    def __init__(self, name, program=None, database=None, keep=False):
        self.yardstick, self.lock = measure.Yardstick(micro("bench_rsa")), alone(name)
        self.rig = r.Rig(name, fast=False, keep=keep, program=program, place=place(name))
        self.letters, self.audiences, self.keys, self.ports = {}, {}, {}, {}
        self._take_database(database)
        self.rig.start_zone(r.mail_zone(DOMAINS))
        self.rig.prepare_with(1)
        self.audience(200, 1, "proof")
        for kind in ("ed25519", "rsa"):
            self.keys[kind] = self.rig.keygen(kind, kind)

    def _take_database(self, conninfo):
        if conninfo is None:
            try:
                self.rig.start_database()
            except RuntimeError as error:
                raise Unready(str(error).splitlines()[-1] + "; or name an empty database: "
                              "--database CONNINFO", 4) from None
            self.postmaster = self.rig.database_pid
            return
        self.rig.conninfo = conninfo
        try:
            tables = self.rig.sql("select count(*) from pg_tables where schemaname = 'public'")
        except RuntimeError as error:
            raise Unready("the database that is named cannot be used: "
                          + str(error).strip().splitlines()[-1], 4) from None
        if tables != [["0"]]:
            raise Unready("the database that is named is not empty; nothing was done", 2)
        self.postmaster = self._visible_postmaster()

    def _visible_postmaster(self):
        """None where it runs on another machine, or this user may not ask for it: what the database
        costs cannot be seen from here then."""
        try:
            pid = self.rig.postmaster()
        except RuntimeError:
            return None
        return pid if measure.name_of(pid) == "postgres" else None

    def checkpoint(self):
        """Before and after what is measured, so that each run pays for its own pages."""
        if self.postmaster:
            self.rig.sql("checkpoint")

    def forget(self, *learned):
        """What engines have learned of paths and mail hosts, which stands in these tables: a server
        that was played as a slow one would be written to slowly when it plays another."""
        for table in learned or ("path_memory", "mail_host"):
            self.rig.sql(f"delete from {table}")

    def close(self):
        self.rig.close()

    # -- who is written to, and what --------------------------------------------------------------

    def audience(self, count, sites, name=None):
        """The name of a list of count recipients at so many sites; imported once."""
        name = name or f"{count}-at-{sites}"
        if name not in self.audiences:
            path = r.subscribers_csv(self.rig.place / f"{name}.csv", count, list(DOMAINS)[:sites],
                                     fields=letters.FIELDS, prefix=f"{name}.")
            self.rig.command("import", path, "--list", name, timeout=3600)
            path.unlink()
            # Autovacuum would do so a minute later, in the midst of a run: it is the import's cost.
            self.rig.sql("vacuum analyze")
            self.audiences[name] = count
        return name

    def letter(self, size):
        if size not in self.letters:
            self.letters[size] = letters.fit(size, self._message_size)
        return self.letters[size]

    def _message_size(self, letter):
        name = "size" if letter.html else "size-of-text"  # a body.html that lies there is sent too
        self.campaign(name, letter, "proof")
        shown = self.rig.command("preview", name, "--raw", "--unsigned").stdout
        return len(shown.encode()) + shown.count("\n")  # read as text, CRLF came as LF

    def campaign(self, name, letter, audience, **settings):
        self.rig.campaign(name, html=letter.html, text=letter.text, lists=[audience],
                          list_id="letters.news.test", feedback_id=f"{name}:bench:news:rundbrief",
                          **settings)
        self.rig.command("campaign", "create", self.rig.place / name)

    # -- both sides of the line -------------------------------------------------------------------

    def sink(self, scenario, *options):
        """The receiving side of a scenario, at the same port each time, so that what engines learn
        of hosts stays true; (port, process)."""
        addresses = [DOMAINS[d] for d in list(DOMAINS)[:scenario["sites"]]]
        listeners = iter(addresses)
        specs = []
        for name, p in scenario["provider"].items():
            settings = [f"name=mx.{name}.test"]
            settings += [f"{key}={p[key]}" for key in ("reject", "defer") if p[key]]
            settings += [f"delay={round(p['delay'] * 1000)}"] if p["delay"] else []
            if p["messages_per_connection"]:
                settings.append(f"max-messages-per-connection={p['messages_per_connection']}")
            specs += [";".join([next(listeners), *settings]) for _ in range(p["sites"])]
        words = ["--threads", scenario["threads"], *options]
        if scenario["latency"]:
            words += ["--latency", round(scenario["latency"] * 1000)]
        if scenario["delay"]:
            words += ["--delay", round(scenario["delay"] * 1000)]
        if scenario["tls"]:
            words += self._certificate()
        port, process = self.rig.start_sink(*words, listeners=specs + list(listeners),
                                            port=self.ports.get(scenario["name"]))
        self.ports[scenario["name"]] = port
        return port, process

    def _certificate(self):
        """Of P-256, cheap to sign with."""
        pem, key = self.rig.place / "sink.pem", self.rig.place / "sink.key"
        if not pem.exists():
            r.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", pem, "-days", "30",
                  "-subj", "/CN=sink")
        return ["--starttls", "--certificate", pem, "--key", key]

    def configure(self, scenario, port, name, **changes):
        """An engine with a name and a journal of its own for each run: it reads its whole journal
        at start, and those that come later would pay for those before."""
        connections = scenario["connections"]
        limits = {"connections": -(-connections // scenario["sites"]),
                  "messages_per_connection": scenario["messages_per_connection"],
                  "flight": scenario["flight"], "message_rate": "1000000/s",
                  "connection_rate": "10000/s"}
        if scenario["flight"] == "window":
            limits["window"] = scenario["window"]
        settings = {"name": name, "journal": str(self.rig.place / f"journal-{name}"),
                    "connections": max(1000, connections + 100)}
        if scenario["envelopes"]:
            settings["envelopes"] = scenario["envelopes"]
        smtp = {"tls": "encrypt", "tls_minimum": "1.3"} if scenario["tls"] else {}
        keys = {"dkim": [self.keys[k] for k in KEYS[scenario["signing"]]]}
        self.rig.configure(**self.rig.settings(
            port, default_limits=limits, engine=settings | changes.pop("engine", {}), smtp=smtp,
            **(keys if keys["dkim"] else {}), **changes))

    def parts(self, sink):
        """What a meter is to count beside the engine."""
        found = {"sink": [sink.pid]}
        if self.postmaster:
            found["database"] = [self.postmaster]
        return found
