"""A network namespace with nothing but loopback, for addresses that come and go. Needs root.

Commands run inside with `before` put in front of them; a unix socket (PostgreSQL's) works across."""

import subprocess

import rig as r


class Namespace:
    def __init__(self, rig):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        rig.processes.append(self.process)
        self.before = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net"]
        own = f"/proc/{self.process.pid}/comm"
        r.wait_for(lambda: open(own).read().strip() == "sleep", 10, 0.02)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command):
        r.run(*self.before, *command)

    def add(self, address):
        self.run("ip", "address", "add", f"{address}/32", "dev", "lo")

    def remove(self, address):
        self.run("ip", "address", "del", f"{address}/32", "dev", "lo")
