"""`rundbrief bench`: the smallest scenario from end to end, as it is installed; its figures add up, its
results are whole, a promise that does not hold is told, and what cannot be measured has a sentence."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys

import rig as r

sys.path.insert(0, str(r.ROOT / "bench"))
import judge  # noqa: E402
import measure  # noqa: E402
import record  # noqa: E402
import results  # noqa: E402
import scaling_model as model  # noqa: E402
import show  # noqa: E402

PLACE = r.ROOT / "build" / "live" / "bench-test"
EVERY_RUN = ("messages", "seconds", "messages_per_second", "cost_usec", "engine_cpu_usec",
             "database_cpu_usec", "sink_cpu_usec", "engine_written_bytes", "database_written_bytes",
             "engine_peak_memory_bytes", "signature_usec", "masked_usec", "drift_share",
             "others_share", "stolen_share")
NEVER = """shows = "what cannot be"
recipients = 100
runs = 1
warm_up = 0
size = 4k
sites = 1
connections = 2
promise "messages_per_second" { least = 1000000000  says = "messages a second" }
promise "no_such_figure" { most = 1 }
"""


def installed():
    """make install into a folder of one's own: what a package has."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    r.run("make", "-s", "-C", r.ROOT, "install", f"PREFIX={PLACE / 'usr'}", env=env, timeout=1800)
    return PLACE / "usr" / "bin" / "rundbrief"


def bench(program, *arguments):
    """In a folder for temporary files of its own, as if nobody else were on this machine."""
    (PLACE / "tmp").mkdir(exist_ok=True)
    return subprocess.run([str(program), "bench", "--out", str(PLACE / "out"), *map(str, arguments)],
                          capture_output=True, text=True, timeout=600, cwd=PLACE,
                          env=dict(os.environ, TMPDIR=str(PLACE / "tmp")))


def whole(checks, program):
    done = bench(program, "smoke", "--json")
    checks.equal(done.returncode, 0, "the smallest scenario ends well")
    if done.returncode:
        print(done.stderr[-2000:])
        return
    doc = json.loads(done.stdout)
    one = doc["results"][0]
    checks.check(results.read(PLACE / "out" / "bench.json") == doc, "what is printed is what is kept")
    checks.equal([name for run in one["runs"] for name in EVERY_RUN if run.get(name) is None], [],
                 "every run has every figure; missing")
    checks.equal(len(one["runs"]), 2, "runs")
    for run in one["runs"]:
        checks.equal(run["fault"], None, "accepted = delivered, refused = failed")
        parts = run["engine_cpu_usec"] + run["database_cpu_usec"]
        checks.check(abs(run["cost_usec"] - parts) < 1e-6 and parts > 0,
                     f"the cost of {run['cost_usec']:.0f} us is the engine's and the database's")
        rate = run["messages"] / run["seconds"]
        checks.check(abs(run["messages_per_second"] / rate - 1) < 1e-6,
                     "the rate is messages by seconds")
    cost = one["figures"]["cost_usec"]
    checks.check(cost["least"] <= cost["median"] <= cost["most"] and cost["count"] == 2,
                 "the median lies between the least and the most")
    calls = one["figures"]["syscalls_per_message"]
    checks.check(calls is None or calls["median"] >= one["figures"]["ring_enters_per_message"]["median"],
                 "of all system calls some are the ring's, where this machine counts them")
    checks.check((PLACE / "out" / "RESULTS.md").read_text().count("`smoke`") >= 3,
                 "the page of results tells of it")


def failing(checks, program):
    (PLACE / "never.conf").write_text(NEVER)
    done = bench(program, "never.conf")
    checks.equal(done.returncode, 1, "a promise that does not hold is an exit code")
    checks.check("FAILED  messages a second" in done.stdout, "and a line")
    checks.check("unknown no_such_figure: cannot be told on this machine" in done.stdout,
                 "what nobody can tell is said to be unknown")
    checks.check("bench: 1 passed, 1 failed, 1 cannot be told here" in done.stdout, "and counted")


def unready(checks, program):
    done = bench(program, "smoke", "--database", "host=/nowhere dbname=none")
    checks.equal(done.returncode, 4, "a database that is not there")
    checks.check("rundbrief bench: the database that is named cannot be used" in done.stderr,
                 "is told in a sentence")
    checks.check("Traceback" not in done.stderr, "and not in Python")
    with open(PLACE / "tmp" / f"rundbrief-{os.getuid()}" / "bench.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = bench(program, "smoke")
    checks.check(done.returncode == 1 and "another one measures in" in done.stderr,
                 "two do not measure each other")
    left = pathlib.Path(PLACE / "usr").rglob("__pycache__")
    checks.equal(list(left), [], "nothing is written beside the program; found")


def by_hand(checks):
    """The judgement itself, on numbers that can be reckoned in the head."""
    runs = [{"cost_usec": c, "signature_usec": s, "together_usec": 1.25 * s, "masked_usec": 2 * s,
             "without_adx_usec": 0.5 * s, "rows_per_second": 100}
            for c, s in ((100, 345), (110, 345), (900, 690))]
    result = results.result("x", "rundbrief", "", {"signing": "none", "promise": {}}, runs)
    promise = {"most": 200, "least": 0, "scale": "reference", "says": ""}
    said = judge.verdict(result, "cost_usec", promise)
    checks.equal((said["as_measured"], said["is"], said["masked"]), (110, 220, 110),
                 "as measured, at the reference, by the masked yardstick")
    checks.equal((said["holds"], said["masked_holds"]), (False, True), "judged by each")
    said = judge.verdict(result, "rows_per_second", {**promise, "most": 0, "least": 40})
    checks.equal((said["is"], said["holds"]), (50, True), "a rate is scaled the other way")
    signed = result | {"settings": {"signing": "rsa", "promise": {}}}
    said = judge.verdict(signed, "cost_usec", {**promise, "scale": "signature"})
    checks.equal(round(said["is"], 4), round(110 / 345, 4), "a ratio is the median of ratios")
    checks.equal(round(said["masked"], 4), round((110 + 345) / 690, 4),
                 "and beside it that with the other signature in its place")
    ratio = 110 / 345
    checks.equal((round(said["other"], 4), said["holds"]), (round(ratio / 1.25, 4), True),
                 "and that by bare signers on all cores at once")
    said = judge.verdict(signed, "cost_usec", {**promise, "scale": "signatures", "most": 0.3})
    checks.equal((round(said["is"], 4), said["holds"], round(said["other"], 4), said["other_holds"]),
                 (round(ratio / 1.25, 4), True, round(ratio, 4), False),
                 "a promise may go by those, and both verdicts are there")
    checks.equal(show.sentence(said), "cost_usec: 110.0, 0.255 x one of as many bare signers as cores; "
                 "promised at most 0.30 (0.319 x the bare signature: does not hold) "
                 "(0.638 x one without ADX: does not hold) "
                 "(signed without IFMA 0.659: does not hold)", "and are said")
    checks.equal(measure.percentiles(range(1, 101), (50, 99, 100)),
                 {"p50": 51, "p99": 100, "p100": 100}, "percentiles")
    checks.equal(results.noise([{"others_share": 0.5, "stolen_share": 0.0, "drift_share": 0.0}]),
                 ["other programs used up to 50% of the machine meanwhile"], "noise is told")


def one_part(**usec):
    """A result whose parts cost so much."""
    figures = {f"{name}_cpu_usec": {"median": value} for name, value in usec.items()}
    figures |= {"message_size_bytes": {"median": 10000.0}, "database_written_bytes": {"median": 500.0},
                "messages_per_second": {"median": 1.0}}
    return model.Parts({"figures": figures})


def scaled(checks):
    """The model of SCALING.md, on numbers that can be reckoned in the head."""
    signed = one_part(engine=80.0, database=20.0, carrier=5.0, database_busiest=10.0, sink=100.0)
    checks.equal(model.one_machine(signed, 2, 1.0), (20000.0, "the cores"),
                 "two cores at 100 us a message")
    checks.equal(model.one_machine(signed, 2, 1.0, with_sink=True)[0], 10000.0,
                 "with a sink that costs as much")
    checks.equal(round(model.one_machine(signed, 4, 0.9)[0]), 32400, "a tenth lost in each doubling")
    checks.equal(model.one_machine(signed, 64, 1.0), (100000.0, "one backend of the database"),
                 "on many cores the busiest backend binds")
    rate, what = model.many_machines(signed, 100, 64, 1.0)
    checks.equal((round(rate), what), (2000000, "the database's disk"),
                 "on very many machines what the database writes")
    page = PLACE.parent / "bench-page.md"
    page.write_text("a\n<x>\nold\n<y>\nb\n")
    record.between(page, ("<x>", "<y>"), ["new", "lines"])
    checks.equal(page.read_text(), "a\n<x>\nnew\nlines\n<y>\nb\n", "a page is renewed between its marks")
    page.unlink()


def main():
    checks = r.Checks()
    by_hand(checks)
    scaled(checks)
    program = installed()
    whole(checks, program)
    failing(checks, program)
    unready(checks, program)
    shutil.rmtree(PLACE)
    checks.end("bench")


if __name__ == "__main__":
    main()
