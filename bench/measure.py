"""What processes cost: CPU time, memory, bytes to disk, system calls; and the yardstick.

Used by `rundbrief bench` and by the comparison with other systems. Nothing here knows what is
measured: a part has a name ("engine", "database", "sink", "postfix") and one or more processes, to
which all their descendants belong.

    meter = Meter({"database": [postmaster], "sink": [pid]})   # counts from here on
    ...
    spent = meter.finish("engine", process)     # one that was started in between: waits for its end
    meter.stop()                                # {"database": Spent, "sink": Spent, "engine": Spent}
    meter.conditions()                          # what else the machine did meanwhile"""

import dataclasses
import os
import pathlib
import re
import statistics
import subprocess
import threading
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))
SAMPLE_PAUSE = 0.05
# Bits of the second word: AVX512-IFMA, by which OpenSSL 3 signs RSA-2048 twice as fast; ADX, which it
# takes before AVX2, though not everywhere is it the quicker of both (engine/sign/processor.h).
IFMA, ADX = 0x200000, 0x80000
MASK = re.compile(r":~(0x[0-9a-fA-F]+)")
PERF_EVENTS = {"syscalls": "raw_syscalls:sys_enter",
               "ring_enters": "syscalls:sys_enter_io_uring_enter",
               "instructions": "instructions"}


# -- one process, now ----------------------------------------------------------------------------

def _read(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _field(text, name):
    for line in text.splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def _tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(pids):
    """These processes and all their descendants that live."""
    found, waiting = [], list(pids)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in _tasks(pid):
            waiting += [int(c) for c in _read(pid, f"task/{task}/children").split()]
    return found


def name_of(pid):
    """Of a process, as the kernel has it; "" when there is none."""
    return _read(pid, "comm").strip()


def _own_cpu(pid):
    try:
        return time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of that process
    except OSError:
        return 0.0


def cpu_of(pid):
    """CPU seconds of a process, to the nanosecond, and of the children it has waited for, to the
    tick (as the kernel tells them)."""
    stat = _read(pid, "stat")
    if not stat:
        return 0.0
    return _own_cpu(pid) + sum(int(x) for x in stat.rsplit(")", 1)[1].split()[13:15]) * TICK


def threads_of(pid):
    """{thread: (name, CPU microseconds)} of a process."""
    found = {}
    for task in _tasks(pid):
        ran, name = _read(pid, f"task/{task}/schedstat"), _read(pid, f"task/{task}/comm").strip()
        if ran and name:
            found[task] = (name, int(ran.split()[0]) / 1e3)
    return found


def memory_of(pids):
    """Bytes in memory: the peak of one process; of several what each has for itself and what they
    share, now."""
    texts = [_read(pid, "status") for pid in pids]
    if len(texts) == 1:
        return _field(texts[0], "VmHWM") * 1024
    return (sum(_field(t, "RssAnon") for t in texts)
            + max((_field(t, "RssShmem") for t in texts), default=0)) * 1024


def anonymous_of(pid):
    """Bytes of a process that are its own and no file's."""
    return _field(_read(pid, "status"), "RssAnon") * 1024


def written_by(pid):
    """Bytes a process has sent to the disk, with the children it has waited for. Of a process that
    writes through the page cache this is too much on file systems with large folios."""
    return _field(_read(pid, "io"), "write_bytes")


# -- several, over a time ------------------------------------------------------------------------

@dataclasses.dataclass
class Spent:
    """What a part has cost. Of a part that ran before and after, system time is not told apart.
    threads: CPU microseconds by a thread's name; busiest: of the process of it that used most. Both
    are as last seen, a twentieth of a second before the end at most."""
    cpu_usec: float = 0.0
    system_usec: float | None = None
    peak_memory_bytes: int = 0
    peak_anonymous_bytes: int = 0
    written_bytes: int = 0
    threads: dict = dataclasses.field(default_factory=dict)
    busiest_usec: float = 0.0

    def each(self, count):
        """As figures of one of count messages, by their names' endings."""
        found = {"cpu_usec": self.cpu_usec / count, "written_bytes": self.written_bytes / count,
                 "peak_memory_bytes": self.peak_memory_bytes}
        if self.system_usec is not None:
            found["system_usec"] = self.system_usec / count
        return found


class _Watch(threading.Thread):
    """Looks at the processes of a part until they are gone or it is told to stop."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.tasks, self.first, self.last = list(pids), {}, {}, {}
        self.memory = self.anonymous = self.written = 0
        self.stopping = threading.Event()
        self.start()

    def look(self):
        pids = tree(self.pids)
        for pid in pids:
            self.tasks |= threads_of(pid) if pid in self.pids else {}
            self.last[pid] = _own_cpu(pid) or self.last.get(pid, 0.0)
        self.memory = max(self.memory, memory_of(pids))
        self.anonymous = max(self.anonymous, sum(map(anonymous_of, pids)))
        self.written = max(self.written, sum(map(written_by, pids)))

    def run(self):
        self.look()
        self.first = dict(self.last)
        while not self.stopping.wait(SAMPLE_PAUSE):
            self.look()

    def threads(self):
        found = {}
        for name, usec in self.tasks.values():
            found[name] = found.get(name, 0.0) + usec
        return found

    def busiest(self):
        return max((cpu - self.first.get(pid, 0.0) for pid, cpu in self.last.items()),
                   default=0.0) * 1e6

    def stop(self):
        self.stopping.set()
        self.join()


def _machine_busy():
    """(CPU seconds of everybody, seconds that the host gave to others) since the machine began."""
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(fields[i] for i in (0, 1, 2, 5, 6)) * TICK, fields[7] * TICK


class Meter:
    """Counts from its making until stop()."""

    def __init__(self, parts):
        self.parts = {name: list(pids) for name, pids in parts.items()}
        self.spent, self.own = {}, cpu_of(os.getpid())
        self.watches = {name: _Watch(pids) for name, pids in self.parts.items()}
        self.before = {name: (self._cpu(pids), self._written(pids))
                       for name, pids in self.parts.items()}
        self.busy, self.stolen = _machine_busy()
        self.began = time.monotonic()
        self.seconds = None

    @staticmethod
    def _cpu(pids):
        return sum(map(cpu_of, tree(pids)))

    @staticmethod
    def _written(pids):
        return sum(map(written_by, tree(pids)))

    def watch(self, name, process):
        """A process that has just been started, so that its memory is seen."""
        self.watches[name] = _Watch([process.pid])
        return process

    def finish(self, name, process, limit=3600):
        """Waits for its end, kills it after limit seconds; all it cost, with its children."""
        watch = self.watches.pop(name, None) or _Watch([process.pid])
        killer = threading.Timer(limit, process.kill)
        killer.daemon = True
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.stop()
        self.seconds = self.seconds or time.monotonic() - self.began
        self.spent[name] = Spent(
            (usage.ru_utime + usage.ru_stime) * 1e6, usage.ru_stime * 1e6,
            # Not ru_maxrss: that is what Python had when it began the process, where this is more.
            watch.memory, watch.anonymous,
            max(watch.written, usage.ru_oublock * 512), watch.threads(), watch.busiest())
        return self.spent[name]

    def stop(self):
        """{part: Spent}; what ended by finish() is among it."""
        self.ended = time.monotonic()
        self.seconds = self.seconds or self.ended - self.began
        for name, pids in self.parts.items():
            cpu, written = self.before[name]
            watch = self.watches.pop(name)
            watch.look()
            watch.stop()
            self.spent[name] = Spent((self._cpu(pids) - cpu) * 1e6, None, watch.memory,
                                     watch.anonymous, max(0, self._written(pids) - written),
                                     watch.threads(), watch.busiest())
        self.busy_after, self.stolen_after = _machine_busy()
        self.own = cpu_of(os.getpid()) - self.own
        return self.spent

    def conditions(self):
        """Shares of the machine's time: what others on it used, and what its host kept."""
        whole = (self.ended - self.began) * CORES
        ours = sum(s.cpu_usec for s in self.spent.values()) / 1e6 + self.own
        return {"others_share": max(0.0, (self.busy_after - self.busy - ours) / whole),
                "stolen_share": (self.stolen_after - self.stolen) / whole}


# -- counters ------------------------------------------------------------------------------------

def counting(path):
    """Words to put before a command, so that its system calls and instructions are counted into a
    file, as far as this user may count them; none where this machine has no perf."""
    for events in (",".join(PERF_EVENTS.values()), PERF_EVENTS["instructions"]):
        try:
            subprocess.run(["perf", "stat", "-x", ";", "-e", events, "true"], check=True,
                           capture_output=True)
        except FileNotFoundError:
            return []
        except subprocess.CalledProcessError:
            continue
        return ["perf", "stat", "-x", ";", "-o", str(path), "-e", events, "--"]
    return []


def counted(path):
    """{"syscalls": N, ...}; None where the machine cannot count it."""
    found = dict.fromkeys(PERF_EVENTS)
    text = pathlib.Path(path).read_text() if pathlib.Path(path).exists() else ""
    for line in text.splitlines():
        fields = line.split(";")
        for name, event in PERF_EVENTS.items():
            if len(fields) > 2 and fields[2].startswith(event) and fields[0].isdigit():
                found[name] = int(fields[0])
    return found


# -- the yardstick -------------------------------------------------------------------------------

class Yardstick:
    """A bare RSA-2048 signature on this machine, now: alone on it; one of as many signers at once as
    there are cores, for cores that share something sign slower together; and where the processor
    has AVX512-IFMA, as if it had not. The last is what other figures are scaled by more fairly:
    IFMA makes this one step twice as fast and nothing else. And one without ADX, where the engine
    tries that: as its own signatures may be."""

    def __init__(self, program):
        flags = pathlib.Path("/proc/cpuinfo").read_text().split()
        self.program = str(program)
        self.has_ifma = "avx512ifma" in flags
        self.without_adx = self._mask_of_adx() if "adx" in flags and "avx2" in flags else None

    def _mask_of_adx(self):
        """As processor_without_adx() of the engine does it; None where it leaves things as they are."""
        found = MASK.fullmatch(os.environ.get("OPENSSL_ia32cap", ":~0x0"))
        mask = int(found[1], 16) if found else ADX
        tries = not mask & ADX and (mask & IFMA or not self.has_ifma)
        return f":~{mask | ADX:#x}" if tries else None

    def _times(self, count, **environment):
        """CPU microseconds of a signature, of each of so many signers at once."""
        signers = [subprocess.Popen([self.program], env=dict(os.environ, **environment),
                                    stdout=subprocess.PIPE, text=True) for _ in range(count)]
        return [float(signer.communicate(timeout=60)[0]) for signer in signers]

    def read(self):
        """{"signature_usec", "together_usec", "masked_usec", "without_adx_usec"}; the last two are
        the first where there is nothing to mask."""
        plain = self._times(1)[0]
        together = statistics.mean(self._times(CORES)) if CORES > 1 else plain
        masked = self._times(1, OPENSSL_ia32cap=f":~{IFMA:#x}")[0] if self.has_ifma else plain
        without_adx = self._times(1, OPENSSL_ia32cap=self.without_adx)[0] if self.without_adx else plain
        return {"signature_usec": plain, "together_usec": together, "masked_usec": masked,
                "without_adx_usec": without_adx}

    @staticmethod
    def between(before, after):
        """What holds for a run between two readings, and how far they were apart."""
        found = {name: (before[name] + after[name]) / 2 for name in before}
        found["drift_share"] = abs(after["signature_usec"] / before["signature_usec"] - 1)
        return found


# -- many runs -----------------------------------------------------------------------------------

def summary(values):
    """{"median", "least", "most", "count"} of numbers; None when there are none."""
    values = [v for v in values if v is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "least": min(values), "most": max(values),
            "count": len(values)}


def figures(runs):
    """Of runs that are dicts of numbers: each number's summary, by name."""
    names = dict.fromkeys(name for run in runs for name, value in run.items()
                          if isinstance(value, (int, float)) and not isinstance(value, bool))
    return {name: summary([run.get(name) for run in runs]) for name in names}


def percentiles(values, points=(50, 90, 99, 99.9)):
    """{"p50": ..., "p99": ...}: the least value that is not below so many of a hundred."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{point:g}".replace(".", "_"):
            ordered[min(len(ordered) - 1, int(len(ordered) * point / 100))] for point in points}
