"""Our side, on the stage of `rundbrief bench` and measured by its code: one campaign of 10 KB letters,
sent to the sink for itself (`measure`) or handed to a relay that is measured (`feeding`)."""

import contextlib
import itertools
import json
import os
import pathlib
import signal
import tempfile
import time

import campaign
import rig as r
import stage

MESSAGE_SIZE = 10240
CONNECTIONS = 100  # of ours, over ten sites; a peer has what suits it best
FED_BY = 10  # connections from us to a relay
SCENARIO = {"name": "peers", "size": MESSAGE_SIZE, "sites": 10, "connections": CONNECTIONS,
            "signing": "none", "flight": "learn", "messages_per_connection": 0, "envelopes": 0,
            "provider": {}, "delay": 0, "latency": 0, "tls": False, "threads": 1}
SIGNING = {False: "none", True: "rsa"}


class Sink:
    """`rundbrief sink` for one run of a peer; always at our own port. Its counts are asked for while
    it runs, so they lie where no queue's disk keeps them waiting."""

    def __init__(self, ours, *options):
        self.rig, self.address = ours.rig, ours.addresses[0]
        self.port = ours.port
        self.counts_file = os.path.join(ours.quick, "counts.json")
        _, self.process = ours.rig.start_sink(*options, listeners=ours.addresses, port=self.port,
                                              count_file=self.counts_file)

    def accepted(self):
        """How many so far."""
        os.kill(self.process.pid, signal.SIGUSR1)
        time.sleep(0.02)
        try:
            with open(self.counts_file) as f:
                return json.load(f)["accepted"]
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


class Ours(stage.Stage):
    def __init__(self, name, keep=False):
        super().__init__(name, keep=keep)
        self.files = contextlib.ExitStack()
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.quick = self.files.enter_context(tempfile.TemporaryDirectory(dir=memory))
        self.numbers, self.sink_options = itertools.count(1), ()
        self.addresses = list(stage.DOMAINS.values())[:SCENARIO["sites"]]
        self.port = self.ports[SCENARIO["name"]] = r.free_port(self.addresses[0])
        self.lists = {}

    def sink(self, scenario, *options):
        return super().sink(scenario, *options, *self.sink_options)

    def csv(self, count):
        """Of the same people as our list of so many."""
        if count not in self.lists:
            name = f"{count}-at-{SCENARIO['sites']}"
            self.lists[count] = r.subscribers_csv(
                self.rig.place / f"{name}-kept.csv", count, list(stage.DOMAINS)[:SCENARIO["sites"]],
                fields=stage.letters.FIELDS, prefix=f"{name}.")
        return self.lists[count]

    def key_text(self):
        """The RSA key, PEM; its selector is `rsa`."""
        return pathlib.Path(self.keys["rsa"][1]["key"]).read_text()

    def measure(self, count, signed, connections, *sink_options):
        """A run as `rundbrief bench` counts it."""
        scenario = SCENARIO | {"connections": connections, "signing": SIGNING[signed]}
        self.sink_options = sink_options
        run = campaign.send(self, scenario, f"c{next(self.numbers)}", count)
        self.sink_options = ()
        if fault := run.pop("fault"):
            raise RuntimeError(f"rundbrief: {fault}")
        return run

    @contextlib.contextmanager
    def feeding(self, count, relay, meter):
        """Hands a campaign to a relay, beside what is done meanwhile; at the end it has taken all
        of it. The meter counts us, for the sake of its conditions()."""
        name, scenario = f"f{next(self.numbers)}", SCENARIO | {"connections": FED_BY, "sites": 1}
        audience = self.audience(count, SCENARIO["sites"])
        self.configure(scenario, relay, name,
                       route=[("*", {"host": "127.0.0.1", "port": relay, "tls": "none"})])
        self.campaign(name, self.letter(MESSAGE_SIZE), audience)
        process = meter.watch("feeder", self.rig.popen("send", name, "--quiet"))
        try:
            yield
            meter.finish("feeder", process, 60)
            if process.returncode != 0:
                raise RuntimeError(f"send to the relay: exit {process.returncode}")
        finally:
            self.rig.stop(process)
            self.rig.processes.remove(process)

    def close(self):
        super().close()
        self.files.close()
