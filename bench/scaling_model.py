"""The table of SCALING.md, reckoned from a file of results: what the measured parts of a message come to
on more cores and more machines, and which of them binds first.

usage: scaling_model.py BENCH_JSON   prints it; `make bench-record` puts it into the page"""

import math
import sys

import results

SCENARIOS = {"bulk-10k-unsigned": "unsigned", "bulk-10k-ed25519": "Ed25519",
             "bulk-10k-rsa": "RSA-2048", "bulk-10k-both": "RSA-2048 and Ed25519"}
SERIAL = {"carrier": "the carrier's thread", "feeder": "the feeder's thread",
          "ledger": "the ledger's thread"}
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
# What the machines of the table have, where it matters.
NETWORK_BYTES = 10e9 / 8  # a second, a machine
DISK_BYTES = 1e9          # a second that PostgreSQL may write for good
WIRE = 1.06               # bytes on the wire for one of a message: TCP, IP, commands, replies
DATABASE_CORES = 64       # of the database's own machine, where there are several


class Parts:
    """Microseconds and bytes of one message, as measured."""

    def __init__(self, result):
        self.of = {name: one["median"] for name, one in result["figures"].items() if one}
        self.measured = self.of.get("messages_per_second")

    def usec(self, name):
        return self.of.get(f"{name}_cpu_usec", 0.0)

    def disk(self):
        return self.of.get("database_written_bytes", 0.0) + self.of.get("engine_written_bytes", 0.0)


def _least(limits):
    """(rate, what binds) of {what: rate}."""
    binding = min(limits, key=limits.get)
    return limits[binding], binding


def _one_engine(parts):
    """What no number of cores changes: one thread or one backend does it."""
    limits = {words: 1e6 / parts.usec(name) for name, words in SERIAL.items() if parts.usec(name)}
    if parts.usec("database_busiest"):
        limits["one backend of the database"] = 1e6 / parts.usec("database_busiest")
    limits["10 Gbit/s of network"] = NETWORK_BYTES / (parts.of["message_size_bytes"] * WIRE)
    return limits


def one_machine(parts, cores, gain, with_sink=False):
    """Engine and database on these cores; gain: what is kept of a doubling."""
    usec = parts.usec("engine") + parts.usec("database") + (parts.usec("sink") if with_sink else 0)
    limits = _one_engine(parts)
    limits["the cores"] = cores * gain ** math.log2(max(1, cores)) * 1e6 / usec
    limits["the database's disk"] = DISK_BYTES / parts.disk()
    return _least(limits)


def many_machines(parts, machines, cores, gain):
    """Engines on machines of their own, one each, and the database on another."""
    engine = _one_engine(parts)
    engine["the engines' cores"] = cores * gain ** math.log2(cores) * 1e6 / parts.usec("engine")
    limits = {words: machines * rate for words, rate in engine.items()}
    limits["the database's cores"] = DATABASE_CORES * gain ** math.log2(DATABASE_CORES) * 1e6 / \
        parts.usec("database")
    limits["the database's disk"] = DISK_BYTES / parts.of["database_written_bytes"]
    return _least(limits)


def _cell(rate_and_what):
    rate, what = rate_and_what
    return f"{rate:,.0f}/s ({what})"


def _gain(doc):
    """Of a doubling, as measured; 1 where it was not."""
    for result in doc["results"]:
        ratio = result["figures"].get("gain_ratio")
        if ratio:
            return min(1.0, ratio["median"]), True
    return 1.0, False


def figures(doc):
    """The lines between the marks."""
    gain, is_measured = _gain(doc)
    machine, cores = doc["machine"], doc["machine"]["cores"]
    found = [(SCENARIOS[r["scenario"]], r) for r in doc["results"] if r["scenario"] in SCENARIOS]
    yield (f"Parts as measured {doc['taken']} on {cores} cores of {machine['processor']}; of each doubling "
           f"{gain:.0%} is kept ({'measured' if is_measured else 'nobody has measured it'}).")
    yield ""
    yield "| a 10 KB message | press | carrier | feeder | ledger | engine | database | busiest backend |"
    yield "|---|---|---|---|---|---|---|---|"
    names = ("press", "carrier", "feeder", "ledger", "engine", "database", "database_busiest")
    for label, result in found:
        parts = Parts(result)
        yield f"| {label} | " + " | ".join(f"{parts.usec(n):.1f} us" for n in names) + " |"
    yield ""
    yield (f"| messages a second | {cores} cores, sink on them: model | measured | 16 cores | 64 cores | "
           "ten machines of 16 |")
    yield "|---|---|---|---|---|---|"
    for label, result in found:
        parts = Parts(result)
        yield (f"| {label} | {_cell(one_machine(parts, cores, gain, with_sink=True))} | "
               f"{parts.of.get('steady_per_second', parts.measured):,.0f}/s | "
               f"{_cell(one_machine(parts, 16, gain))} | {_cell(one_machine(parts, 64, gain))} | "
               f"{_cell(many_machines(parts, 10, 16, gain))} |")
    if any(result["notes"] for _, result in found):
        yield ""
        yield "Taken beside other programs (`RESULTS.md` says how much of the machine they used)."


if __name__ == "__main__":
    print("\n".join(figures(results.read(sys.argv[1]))))
