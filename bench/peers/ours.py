"""Our side: one campaign of 10 KB letters to lists of any size, sent by rundbrief to the sink for
itself (`measure`), or handed to a relay that is measured (`feed`). One PostgreSQL, durable as it
comes, and one DNS server for all runs; what they do is part of our cost."""

import contextlib
import itertools
import json
import os
import signal
import time

import measure
import rig as r

MESSAGE_SIZE = 10240
CONNECTIONS = 100  # of ours, over ten sites; a peer has what suits it best
FED_BY = 10  # connections from us to a relay
SITES = {f"site{i}.test": f"127.0.0.{10 + i % 5}" for i in range(10)}
ADDRESSES = list(dict.fromkeys(SITES.values()))
FIELDS = ("first_name", "city", "plan", "points")
YARDSTICK = measure.Yardstick(r.ROOT / "build/release/bench/micro/bench_rsa")
ROW = ('<tr><td style="padding:10px 40px;font-family:Georgia,serif;font-size:16px;'
       'line-height:26px;color:#3d322a;">This week the roastery smells of {word}: the first bags '
       "of the new harvest have come in, and the tasting table is open to everybody.</td></tr>\n")
WORDS = ("cocoa", "walnut", "orange peel", "caramel", "cherries", "cedar", "honey", "plums")
TEXT = ("Dear {{ first_name }} of {{ city }},\n\nthe new harvest has come in.\n\n"
        "{{ points }} points, {{ plan }}\nUnsubscribe: {{ unsubscribe_url }}\n")


def letter(rows):
    lines = "".join(ROW.format(word=WORDS[i % len(WORDS)]) for i in range(rows))
    return (f"<!doctype html><html><body><p>Dear {{{{ first_name }}}} of {{{{ city }}}},</p>\n"
            f"<table>{lines}</table>\n<p>You have {{{{ points }}}} points on the "
            "{{ plan }} plan, and this letter went to {{ email }}.</p>\n"
            '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>\n')


class Sink:
    """`rundbrief sink` on our sites' addresses, for one run; always at the same port, so that what
    engines learn of a host stays true."""

    def __init__(self, rig, port, *options):
        self.rig, self.address = rig, ADDRESSES[0]
        self.port, self.process = rig.start_sink(*options, listeners=ADDRESSES, port=port)
        self.counts_file = rig.place / f"sink-{self.port}.json"

    def accepted(self):
        """How many so far."""
        os.kill(self.process.pid, signal.SIGUSR1)
        time.sleep(0.02)
        try:
            return json.loads(self.counts_file.read_text())["accepted"]
        except (FileNotFoundError, ValueError):
            return 0

    def waits_for(self, count, patience):
        """Whether it got so many; gives up when nothing has come for `patience` seconds."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < patience:
            got = self.accepted()
            if got >= count:
                return True
            if got != last:
                last, since = got, time.monotonic()
            time.sleep(0.1)
        return False

    def end(self):
        self.rig.stop(self.process)
        self.rig.processes.remove(self.process)
        return self.process.counts()


class Ours:
    def __init__(self, name, keep=False):
        self.rig = r.Rig(name, fast=False, keep=keep)
        self.rig.start_database()
        self.rig.start_zone(r.mail_zone(SITES))
        self.rig.prepare_with(1)
        self.key = self.rig.keygen("peers", "rsa")
        self.key_file = self.key[1]["key"]
        self.numbers = itertools.count(1)
        self.sink_port = r.free_port(ADDRESSES[0])
        self.lists = {}
        self.rows = 30
        self.fit_size()

    def sink(self, *options):
        return Sink(self.rig, self.sink_port, *options)

    def configure(self, name, port, connections, **changes):
        """An engine with a name and a journal of its own for each run: it reads its whole journal
        at start, and those that come later would pay for those before."""
        limits = {"connections": connections, "messages_per_connection": 0,
                  "message_rate": "1000000/s", "connection_rate": "10000/s"}
        engine = {"name": name, "journal": str(self.rig.place / f"journal-{name}")}
        self.rig.configure(**self.rig.settings(port, default_limits=limits, engine=engine,
                                               **changes))

    def list_of(self, count):
        """Name of a list of so many, and its CSV; imported the first time."""
        name = f"list{count}"
        if name not in self.lists:
            self.lists[name] = r.subscribers_csv(self.rig.place / f"{name}.csv", count,
                                                 list(SITES), fields=FIELDS)
            self.rig.command("import", self.lists[name], "--list", name)
            # Autovacuum would do so a minute later, in the midst of a run: it is the import's cost.
            self.rig.sql("vacuum analyze")
        return name, self.lists[name]

    def campaign(self, count):
        name = f"c{next(self.numbers)}"
        self.rig.campaign(name, html=letter(self.rows), text=TEXT, lists=[self.list_of(count)[0]],
                          list_id="letters.news.test", feedback_id=f"{name}:bench:news:rundbrief")
        self.rig.command("campaign", "create", self.rig.place / name)
        return name

    def fit_size(self):
        """As many rows as make a message of 10 KB."""
        sizes = {}
        for self.rows in (20, 30):
            shown = self.rig.command("preview", self.campaign(10), "--raw", "--unsigned").stdout
            sizes[self.rows] = len(shown) + shown.count("\n")  # read as text, CRLF came as LF
        self.rows = round(20 + (MESSAGE_SIZE - sizes[20]) * 10 / (sizes[30] - sizes[20]))

    @contextlib.contextmanager
    def feeding(self, count, relay, meter):
        """Hands a campaign to a relay, beside what is done meanwhile; at the end it has taken all
        of it. The meter counts us, for the sake of its conditions()."""
        name = self.campaign(count)
        self.configure(name, relay, FED_BY,
                       route=[("*", {"host": "127.0.0.1", "port": relay, "tls": "none"})])
        process = meter.watch("feeder", self.rig.popen("send", name, "--quiet"))
        try:
            yield
            meter.finish("feeder", process, 60)
            if process.returncode != 0:
                raise RuntimeError(f"send to the relay: exit {process.returncode}")
        finally:
            self.rig.stop(process)
            self.rig.processes.remove(process)

    def measure(self, count, signed, connections, *sink_options):
        """One campaign to the sink: what engine and PostgreSQL have cost, up to and with a
        CHECKPOINT."""
        rig, name = self.rig, self.campaign(count)
        sink = self.sink(*sink_options)
        self.configure(name, sink.port, max(1, connections // len(SITES)),
                       **({"dkim": [self.key]} if signed else {}))
        rig.sql("checkpoint")
        meter = measure.Meter({"database": [rig.database_pid], "sink": [sink.process.pid]})
        process = meter.watch("engine", rig.popen("send", name, "--quiet"))
        meter.finish("engine", process, 300)
        rig.processes.remove(process)
        if process.returncode != 0:
            raise RuntimeError(f"send: exit {process.returncode}")
        rig.sql("checkpoint")
        spent = meter.stop()
        report, counts = rig.report(name), sink.end()
        if not report["holds"] or report["delivered"] != count:
            raise RuntimeError(f"{name}: {report['delivered']} of {count} delivered")
        parts = {part: spent[part].cpu_usec / count for part in ("engine", "database", "sink")}
        if counts["accepted"] != count or counts["distinct_message_ids"] != count:
            raise RuntimeError(f"{name}: the sink accepted {counts['accepted']} of {count}")
        return {"seconds": meter.seconds, "messages_per_second": count / meter.seconds,
                "cost_usec": parts["engine"] + parts["database"],
                **{f"{part}_cpu_usec": usec for part, usec in parts.items()},
                "engine_peak_memory_bytes": spent["engine"].peak_memory_bytes, **meter.conditions()}

    def close(self):
        self.rig.close()
