"""The file of results, one form for everything that is measured here, other systems included:

    {"format": 1, "taken": "2026-01-31 12:00 UTC", "machine": {...}, "versions": {...},
     "results": [{"scenario": "bulk-unsigned", "system": "rundbrief", "shows": "...", "settings": {...},
                  "runs": [{"messages": 10000, "seconds": 0.5, "engine_cpu_usec": 20.1, ...}],
                  "figures": {"engine_cpu_usec": {"median": ., "least": ., "most": ., "count": .}},
                  "verdicts": [{"figure": ..., "is": ., "promised": ., "holds": true, "words": "..."}],
                  "notes": ["..."]}]}

A run is flat: a number a name, the unit at its end; what a message costs is divided already. Names
that end alike mean the same of each part: PART_cpu_usec, PART_system_usec, PART_written_bytes,
PART_peak_memory_bytes. Every run has messages, seconds, messages_per_second, cost_usec (CPU of the
system that is measured, its database included), sink_cpu_usec, signature_usec, together_usec,
masked_usec, without_adx_usec, drift_share, others_share and stolen_share. What a machine cannot tell is null."""

import json
import pathlib

import machine as m
import measure

FORMAT = 1
NOISE_LIMIT = 0.05  # of the machine's time used by others, or kept by its host
DRIFT_LIMIT = 0.10  # between the yardstick before and after a run
SINK_LIMIT = 0.5    # of the sender's CPU time


def result(scenario, system, shows, settings, runs):
    """One scenario with one system; verdicts are the caller's to add."""
    return {"scenario": scenario, "system": system, "shows": shows, "settings": settings,
            "runs": runs, "figures": measure.figures(runs), "verdicts": [], "notes": noise(runs)}


def noise(runs):
    """Sentences on what disturbed these runs; none when nothing did."""
    def worst(name):
        return max((run.get(name) or 0 for run in runs), default=0)
    said = []
    if worst("others_share") > NOISE_LIMIT:
        said.append(f"other programs used up to {worst('others_share'):.0%} of the machine meanwhile")
    if worst("stolen_share") > NOISE_LIMIT:
        said.append(f"its host kept up to {worst('stolen_share'):.0%} of the machine's time")
    if worst("drift_share") > DRIFT_LIMIT:
        said.append(f"the yardstick moved by up to {worst('drift_share'):.0%} within a run")
    return said


def document(program, root, results):
    return {"format": FORMAT, "taken": m.now(), "machine": m.machine(),
            "versions": m.versions(program, root), "results": results}


def save(path, doc):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(doc, indent=1) + "\n")


def read(path):
    doc = json.loads(pathlib.Path(path).read_text())
    if doc.get("format") != FORMAT:
        raise ValueError(f"{path} is no file of results of this form")
    return doc
