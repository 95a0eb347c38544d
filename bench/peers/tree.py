"""A program and all that it starts, as a tree of its own: what it costs, and how it ends.

The tree is a process namespace: nothing in it sees a process outside, and none of it outlives its
first process. Where control groups (version 2) may be made it is a group too, and the kernel's
count of that is what it has cost, exactly, with all that has come and gone. Elsewhere measure.py
counts what lives in the namespace and the children it has waited for. Needs root. What it is not:
an account of programs that are started, run and end; for those there is measure.Meter."""

import itertools
import os
import pathlib
import signal
import subprocess

import measure
import rig as r

# Waits for the program and for whatever is orphaned meanwhile, so that no child goes uncounted.
INIT = '"$@" & wait $!'
# Ends with us, and all of it with its first process.
ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child")
_numbers = itertools.count(1)


def make_group():
    """A control group's folder, or None where there can be none."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, mounted, kind, *_ = line.split()
        if kind == "cgroup2":
            group = pathlib.Path(mounted) / f"rundbrief-peers-{os.getpid()}-{next(_numbers)}"
            try:
                group.mkdir()
                if (group / "cpu.stat").exists():
                    return group
                group.rmdir()
            except OSError:
                pass
    return None


class Tree:
    def __init__(self, command, log, grouped=True, **options):
        self.group = make_group() if grouped else None

        def enter():
            if self.group:
                (self.group / "cgroup.procs").write_text(str(os.getpid()))

        with open(log, "w") as out:
            self.process = subprocess.Popen(
                [*ALONE, "sh", "-c", INIT, "init", *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=enter, **options)
        if not r.wait_for(lambda: r.children_of(self.process.pid), 10, 0.01):
            raise RuntimeError(f"{command[0]} did not start: {pathlib.Path(log).read_text()}")
        self.init = r.children_of(self.process.pid)[0]
        self.namespace = os.readlink(f"/proc/{self.init}/ns/pid")

    def members(self):
        """Process ids, as seen from outside."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/pid") == self.namespace:
                    found.append(int(entry))
            except OSError:  # it has just ended
                pass
        return found

    def cpu(self):
        """Seconds of user and system time so far."""
        if self.group:
            words = (self.group / "cpu.stat").read_text().split()
            return int(words[words.index("usage_usec") + 1]) / 1e6
        return sum(map(measure.cpu_of, self.members()))

    def memory(self):
        """Bytes that its processes have for themselves, shared pages in parts."""
        total = 0
        for pid in self.members():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(text.split("\nPss:")[1].split()[0]) * 1024
            except (OSError, IndexError):
                pass
        return total

    def runs(self):
        return self.process.poll() is None

    def end(self, limit=10):
        """Asks the program to end, waits, and ends what is left."""
        for pid in r.children_of(self.init) if self.runs() else []:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.group:
            # The kernel takes a moment to empty it.
            r.wait_for(lambda: not (self.group / "cgroup.procs").read_text(), 5, 0.05)
            self.group.rmdir()
            self.group = None
