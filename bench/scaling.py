"""Kind `scaling`: what a second core gives. All of it, engine, database and receiving side, on one core
and on two, beside one and two bare signing processes on the same cores; in turn, so that what else
happens on the machine strikes all alike."""

import os
import subprocess

import campaign
import measure
import results
from stage import Unready

SIGN_SECONDS = "3"


def _signatures(program, cores):
    """Signatures a second of one bare signing process on each of these cores, at once."""
    processes = [subprocess.Popen(["taskset", "-c", str(core), program, SIGN_SECONDS],
                                  stdout=subprocess.PIPE, text=True) for core in cores]
    return sum(float(p.communicate(timeout=60)[0]) for p in processes)


class _Bound:
    """All that runs, bound to some cores; what it starts later inherits that."""

    def __init__(self, stage, cores):
        self.stage, self.cores = stage, cores
        self.all = os.sched_getaffinity(0)

    def _bind(self, cores):
        pids = measure.tree([self.stage.postmaster]) if self.stage.postmaster else []
        for pid in [*pids, os.getpid()]:
            try:
                os.sched_setaffinity(pid, cores)
            except (ProcessLookupError, PermissionError):
                pass

    def __enter__(self):
        self._bind(self.cores)

    def __exit__(self, *_):
        self._bind(self.all)


def _rate(stage, scenario, name, cores):
    with _Bound(stage, cores):
        run = campaign.send(stage, scenario, name, scenario["recipients"],
                            engine={"presses": len(cores)})
    return run, run["steady_per_second"] or run["messages_per_second"]


def _once(stage, scenario, index):
    cores = sorted(os.sched_getaffinity(0))[:2]
    program, name = stage.yardstick.program, scenario["name"]
    bare_one = _signatures(program, cores[:1])
    one, rate_one = _rate(stage, scenario, f"{name}-{index}-1", cores[:1])
    bare_two = _signatures(program, cores)
    two, rate_two = _rate(stage, scenario, f"{name}-{index}-2", cores)
    gain, bare = rate_two / rate_one, bare_two / bare_one
    return two | {"one_core_per_second": rate_one, "two_cores_per_second": rate_two,
                  "one_core_signatures_per_second": bare_one,
                  "two_cores_signatures_per_second": bare_two,
                  "gain": gain, "bare_gain": bare, "gain_ratio": gain / bare,
                  "one_core_share": rate_one / bare_one, "two_cores_share": rate_two / bare_two,
                  "fault": one["fault"] or two["fault"]}


def measure_scaling(stage, scenario, say):
    if measure.CORES < 2:
        raise Unready("a second core is needed to see what it gives")
    runs = campaign.paired(stage, lambda i: _once(stage, scenario, i), scenario["runs"], say)
    found = results.result(scenario["name"], "rundbrief", scenario["shows"], scenario, runs)
    found["faults"] = sorted({run["fault"] for run in runs if run["fault"]})
    return found
