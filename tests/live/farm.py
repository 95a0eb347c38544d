"""Several engines on one database, each a machine of its own: a network namespace on a bridge,
with its own source address, configuration and journal. Without root all are on loopback, with
addresses of 127.0.1.0/24. Used by test_nodes.py and soak.py.

A member is one such machine: its engine is started, killed, stopped (SIGSTOP) and continued, and
what befell it stands in its history. PostgreSQL is reached by its unix socket, which no network
namespace hides; names by a DNS server in each."""

import copy
import os
import shutil
import signal
import subprocess
import time

import rig as r

ENGINE_LIMIT = 8
SITE_LIMIT = 40


class Loopback:
    """Where there is no root."""
    kind = "addresses on loopback"
    hub = ()

    def __init__(self, rig):
        self.rig, self.zone_file = rig, None

    def site(self, i):
        return f"127.0.0.{101 + i}"

    def machine(self, i):
        return (), f"127.0.1.{1 + i}"

    def start_names(self, domains):
        self.rig.start_zone(r.mail_zone(domains))
        return self.rig.zone_port

    def remove(self, i):
        pass

    def close(self):
        pass


class Bridge:
    """A namespace with a bridge, on which the sink listens, and one for each machine."""
    kind = "network namespaces on a bridge"

    def __init__(self, rig, sites=SITE_LIMIT):
        self.rig, self.names, self.machines = rig, [], {}
        self.hub = self.namespace()
        # A bridge without an address of its own takes that of a port, and another when that goes.
        self.run(self.hub, "ip", "link", "add", "br0", "address", "02:00:00:00:00:fe", "type",
                 "bridge")
        self.run(self.hub, "ip", "link", "set", "br0", "up")
        for i in range(sites):
            self.run(self.hub, "ip", "address", "add", f"{self.site(i)}/24", "dev", "br0")

    def namespace(self):
        process = subprocess.Popen(["unshare", "-n", "sleep", "200000"])
        self.rig.processes.append(process)
        own = f"/proc/{process.pid}/comm"
        if not r.wait_for(lambda: process.poll() is not None or
                          open(own).read().strip() == "sleep", 10, 0.02) or \
                process.poll() is not None:
            raise OSError("network namespaces want root")
        before = ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
        self.run(before, "ip", "link", "set", "lo", "up")
        return before

    @staticmethod
    def run(before, *command):
        r.run(*before, *command)

    def site(self, i):
        return f"10.78.0.{101 + i}"

    def machine(self, i):
        """A cable between the bridge and the machine: (what to put before commands, address)."""
        address, before, hub = f"10.78.0.{1 + i}", self.namespace(), self.hub[1].split("/")[2]
        self.run(before, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", f"port{i}",
                 "netns", hub)
        self.run(before, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.run(before, "ip", "link", "set", "eth0", "up")
        self.run(self.hub, "ip", "link", "set", f"port{i}", "master", "br0", "up")
        self.machines[i] = before
        return before, address

    def start_names(self, domains):
        zone = self.rig.place / "farm-zone"
        lines = ["$ORIGIN test.", "$TTL 300", "@ IN SOA ns hostmaster 1 3600 600 86400 60",
                 "@ IN NS ns", "ns IN A 127.0.0.1"]
        zone.write_text("\n".join(lines + r.mail_zone(domains)) + "\n")
        port = r.free_port()
        for i, before in self.machines.items():
            self.names.append(self.rig.place / f"nsd{i}")
            r.run(*before, r.LIVE / "nsd.sh", "start", zone, port, self.names[-1])
        return port

    def remove(self, i):
        """The cable is cut."""
        self.run(self.hub, "ip", "link", "delete", f"port{i}")

    def close(self):
        for place in self.names:
            r.run(r.LIVE / "nsd.sh", "stop", place, check=False)


def open_network(rig):
    try:
        return Bridge(rig)
    except OSError as error:
        print(f"        no namespaces here ({error})", flush=True)
        return Loopback(rig)


class Life:
    def __init__(self, process):
        self.process, self.began, self.killed, self.ended_as = process, time.monotonic(), None, ""


class Member:
    """One machine and the engine on it."""

    def __init__(self, farm, index):
        self.name, self.farm, self.index = f"engine{index + 1}", farm, index
        self.before, self.address = farm.network.machine(index)
        self.rig = copy.copy(farm.rig)
        self.rig.place = farm.rig.place / self.name
        self.rig.place.mkdir(exist_ok=True)
        self.lives, self.stops, self.removed = [], [], None

    def configure(self, settings):
        self.rig.configure(**{**settings, "source": [
            (f"out{self.index + 1}", {"address": self.address, "helo": f"{self.name}.news.test"})],
            "engine": {**settings["engine"], "name": self.name,
                       "journal": str(self.rig.place / "journal")}})

    @property
    def process(self):
        return self.lives[-1].process if self.lives else None

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        with open(self.rig.place / "err", "a") as err:
            self.lives.append(Life(self.rig.popen("serve", before=self.before, stderr=err)))

    def end(self, how):
        if self.process in self.rig.processes:
            self.rig.processes.remove(self.process)
        self.lives[-1].ended_as = how

    def engine_pid(self):
        """nsenter without --fork becomes the program itself."""
        return self.process.pid

    def kill(self):
        self.lives[-1].killed = time.monotonic()
        self.rig.stop(self.process, signal.SIGKILL)
        self.end("killed")

    def stand_up(self):
        """Started again when it has ended by itself, as a supervisor would; whether it had."""
        if self.runs() or self.removed:
            return False
        if not self.lives[-1].ended_as:
            self.end(f"exit {self.process.poll()}")
        self.start()
        return True

    def pause(self):
        self.stops.append([time.monotonic(), None])
        os.kill(self.engine_pid(), signal.SIGSTOP)

    def resume(self):
        os.kill(self.engine_pid(), signal.SIGCONT)
        self.stops[-1][1] = time.monotonic()

    @property
    def paused(self):
        return bool(self.stops) and self.stops[-1][1] is None

    def remove(self):
        """For good, with its journal."""
        self.kill()
        self.removed = self.lives[-1].killed
        shutil.rmtree(self.rig.place / "journal")
        self.farm.network.remove(self.index)

    def finish(self, limit=60):
        if self.runs():
            code = self.rig.stop(self.process, signal.SIGTERM, limit)
            self.end(f"exit {code}")
            return code
        return None

    def said(self):
        return (self.rig.place / "err").read_text()


class Farm:
    """rig: with its database started. sink_options as those of Rig.start_sink; site_settings: of
    each site's listener; changes: of the configuration that all engines share."""

    def __init__(self, rig, engines, sites, sink_options=(), site_settings=(), **changes):
        self.rig = rig
        self.network = open_network(rig)
        self.domains = {f"site{i + 1}.test": self.network.site(i) for i in range(sites)}
        self.log, self.events_file = rig.place / "farm.log", rig.place / "farm.events"
        self.log.touch()
        self.members = [Member(self, i) for i in range(engines)]
        port, self.sink = rig.start_sink(
            "--log-recipients", self.log, "--log-events", self.events_file, "--allow-outside",
            *sink_options, before=self.network.hub,
            listeners=[a + (";" + s if s else "") for a, s in
                       zip(self.domains.values(), site_settings or [""] * sites)])
        rig.zone_port = self.network.start_names(self.domains)
        settings = rig.settings(port, **changes)
        rig.configure(**settings)
        rig.command("init")
        for member in self.members:
            member.configure(settings)

    def start(self):
        for member in self.members:
            member.start()

    def living(self):
        return [m for m in self.members if m.runs() and not m.paused]

    def finish(self):
        for member in self.members:
            if member.paused:
                member.resume()
        return [member.finish() for member in self.members]

    def close(self):
        self.rig.stop(self.sink)
        self.network.close()
