"""A path with a constant delay between an engine and a server.

Two network namespaces joined by the program delay (delay.c), or, where that cannot be (no root, no
/dev/net/tun), a relay on loopback that hands bytes on later; `kind` says which. The relay is the
poorer one: it delays no handshake, and TCP's windows do not feel the delay."""

import subprocess

import relay as rl
import rig as r

PROGRAM = r.ROOT / "build" / "release" / "tests" / "live" / "delay"


class Namespaces:
    """engine_side and server_side are commands to put before others; address is the server's."""

    kind = "two network namespaces joined by a TUN relay"
    address = "10.77.0.2"

    def __init__(self, rig, round_trip_usec):
        self.process = subprocess.Popen([str(PROGRAM), str(round_trip_usec // 2)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        rig.processes.append(self.process)
        said = self.process.stdout.readline().split()
        if not said:
            self.process.wait(10)
            raise OSError(self.process.stderr.read().strip())
        self.engine_side, self.server_side = (["nsenter", f"--net={space}"] for space in said[1:])
        self.congestion = self.choose_cubic()

    def choose_cubic(self):
        """cubic for this path, as most servers have it; what it is then."""
        for side, own in ((self.engine_side, "10.77.0.1"), (self.server_side, self.address)):
            if r.run(*side, "ip", "route", "change", "10.77.0.0/30", "dev", "delay0", "proto",
                     "kernel", "scope", "link", "src", own, "congctl", "cubic",
                     check=False).returncode != 0:
                return "the system's"
        return "cubic"

    def endpoint(self, port):
        """Where the engine finds a server that listens on this port of address."""
        return self.address, port

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class Loopback:
    kind = "a relay on loopback"
    address = "127.0.0.1"
    engine_side = server_side = []
    congestion = "the system's"

    def __init__(self, round_trip_usec):
        self.seconds, self.relays = round_trip_usec / 2e6, []

    def endpoint(self, port):
        own = r.free_port("127.0.1.1")
        self.relays.append(rl.SlowRelay("127.0.1.1", own, (self.address, port), self.seconds))
        return "127.0.1.1", own

    def close(self):
        for relay in self.relays:
            relay.close()


def open_path(rig, round_trip_usec):
    """The better of the two that can be had; says on standard output why it is the other."""
    try:
        return Namespaces(rig, round_trip_usec)
    except OSError as error:
        print(f"no namespaces here ({error})", flush=True)
        return Loopback(round_trip_usec)
