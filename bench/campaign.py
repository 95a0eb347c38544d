"""Kind `campaign`: a list in PostgreSQL is sent, until the last recipient is settled there."""

import json
import re
import threading
import time

import measure
import results
from stage import DOMAINS, micro, r

POLL = 0.2
RUN_LIMIT = 3600  # seconds
THREADS = ("press", "carrier", "feeder", "ledger")  # of the engine, by the names they have
HELD_DELAY = 5.0  # seconds, of servers that are there to hold connections
HELD_REST = HELD_DELAY * 2.5  # without growth
HELD_LIMIT = 120
BARE_SECONDS = 6
PROOF = 200       # messages that are looked at before anything is measured


class Progress(threading.Thread):
    """How many messages the sink had accepted, and when: the rate without start and end."""

    def __init__(self, sink):
        super().__init__(daemon=True)
        self.sink, self.marks, self.stopping = sink, [], threading.Event()
        self.start()

    def look(self):
        self.sink.send_signal(r.signal.SIGUSR1)
        time.sleep(0.02)
        try:
            self.marks.append((time.monotonic(), self.sink.counts()["accepted"]))
        except (FileNotFoundError, json.JSONDecodeError):
            pass

    def run(self):
        while not self.stopping.wait(POLL):
            self.look()

    def steady(self, count):
        """Messages a second between the first and the last twentieth; None when that was over
        before it could be seen."""
        self.stopping.set()
        self.join()
        inner = [m for m in self.marks if count * 0.05 <= m[1] <= count * 0.95]
        if len(inner) < 3:
            return None
        return (inner[-1][1] - inner[0][1]) / (inner[-1][0] - inner[0][0])


def adds_up(report, sink, count):
    """The equation of a campaign, and the sink's word for it; a sentence when it does not hold."""
    ends = report["delivered"] + report["failed"]
    if not (report["holds"] and report["targeted"] == count == ends and report["in_doubt"] == 0):
        return f"of {report['targeted']} targeted {report['delivered']} were delivered and " \
               f"{report['failed']} failed, {report['in_doubt']} are in doubt; {count} were meant"
    if not (sink["accepted"] == report["delivered"] == sink["distinct_message_ids"]
            and sink["duplicates"] == 0):
        return f"{report['delivered']} delivered, but the sink accepted {sink['accepted']}, of " \
               f"them {sink['duplicates']} twice"
    if sink["rejected"] != report["failed"]:
        return f"{report['failed']} failed, but the sink refused {sink['rejected']}"
    return None


def _written_each(before, after, count):
    return {f"database_{part}_bytes": (after[part] - before[part]) / count for part in after}


def send(stage, scenario, name, count, before_command=(), **changes):
    """One run: a flat dict of figures (results.py says how they are named). changes: sections of
    rundbrief.conf, as Stage.configure takes them."""
    rig = stage.rig
    if scenario["provider"]:
        stage.forget("path_memory")  # each run learns what these servers take
    # Whom a run finds dead is suppressed, and would be missing in the next one.
    audience = stage.audience(count, scenario["sites"], name if scenario["provider"] else None)
    port, sink = stage.sink(scenario)
    stage.configure(scenario, port, name, **changes)
    stage.campaign(name, stage.letter(scenario["size"]), audience)
    stage.checkpoint()
    written = rig.database_written() if stage.postmaster else {}
    meter = measure.Meter(stage.parts(sink))
    progress = Progress(sink)
    with open(rig.place / f"{name}.log", "w") as log:
        process = meter.watch("engine", rig.popen("send", name, "--quiet", stderr=log,
                                                  before=before_command))
    meter.finish("engine", process, RUN_LIMIT)
    steady = progress.steady(count)
    if process.returncode != 0:
        said = (rig.place / f"{name}.log").read_text().strip().splitlines()
        raise RuntimeError(f"the engine ended with {process.returncode}: "
                           + (said[-1] if said else "it said nothing"))
    stage.checkpoint()
    spent = meter.stop()
    run = {"messages": count, "seconds": meter.seconds,
           "messages_per_second": count / meter.seconds, "steady_per_second": steady}
    for part, one in spent.items():
        run |= {f"{part}_{figure}": value for figure, value in one.each(count).items()}
    run["engine_peak_anonymous_bytes"] = spent["engine"].peak_anonymous_bytes
    run |= {f"{name}_cpu_usec": spent["engine"].threads[name] / count
            for name in THREADS if name in spent["engine"].threads}
    if stage.postmaster:
        run["database_busiest_cpu_usec"] = spent["database"].busiest_usec / count
    run.pop("sink_written_bytes"), run.pop("database_written_bytes", None)
    run |= meter.conditions() | _cost(run)
    if stage.postmaster:
        run |= _written_each(written, rig.database_written(), count)
        run["database_written_bytes"] = sum(run[f"database_{part}_bytes"] for part in written)
    rig.stop(sink)
    run |= {f"sink_{what}": sink.counts()[what] for what in ("connections", "handshakes")}
    run["fault"] = adds_up(rig.report(name), sink.counts(), count)
    return run


def _cost(run):
    """What a message costs the sender, when all of it can be seen."""
    if "database_cpu_usec" not in run:
        return {"cost_usec": None, "sink_share": run["sink_cpu_usec"] / run["engine_cpu_usec"]}
    cost = run["engine_cpu_usec"] + run["database_cpu_usec"]
    return {"cost_usec": cost, "sink_share": run["sink_cpu_usec"] / cost}


def paired(stage, once, runs, say):
    """So many runs, each between two readings of the yardstick; neighbours share one."""
    found, before = [], stage.yardstick.read()
    for index in range(runs):
        run = once(index)
        after = stage.yardstick.read()
        run |= measure.Yardstick.between(before, after)
        if run.get("cost_usec"):
            run["signature_ratio"] = run["cost_usec"] / run["signature_usec"]
            run["together_ratio"] = run["cost_usec"] / run["together_usec"]
        found.append(run)
        before = after
        say(index + 1, run)
    return found


def proof(stage, scenario):
    """A few messages are looked at, so that nothing can be rendered once and sent often; sentences
    on what is wrong with them."""
    mail, wrong = stage.rig.place / f"{scenario['name']}.mail", []
    plain = scenario | {"provider": {}, "delay": 0, "latency": 0, "sites": 1, "connections": 4}
    port, sink = stage.sink(plain | {"name": scenario["name"] + "-proof"},
                            "--store", f"exact:{mail}")
    stage.configure(plain, port, f"proof-{scenario['name']}")
    stage.campaign(f"proof-{scenario['name']}", stage.letter(scenario["size"]), "proof")
    stage.rig.command("send", f"proof-{scenario['name']}", "--quiet")
    stage.rig.stop(sink)
    messages = [message for _, _, message in r.exact_messages(mail)]
    unsigned = [_without_signatures(m) for m in messages]
    size = sum(map(len, unsigned)) / len(unsigned)
    if abs(size / scenario["size"] - 1) > 0.1:
        wrong.append(f"a message has {size:.0f} bytes, not {scenario['size']}")
    if len(set(messages)) != PROOF:
        wrong.append(f"of {PROOF} messages {len(set(messages))} are different")
    signatures = [s for m in messages for s in re.findall(rb"(?s)\bb=([A-Za-z0-9+/=\s]{80,}?)\r\n[^ \t]", m)]
    wanted = PROOF * len([k for k in scenario["signing"].split("+") if k != "none"])
    if len(set(signatures)) != wanted:
        wrong.append(f"{len(set(signatures))} different signatures, not {wanted}")
    body = stage.letter(scenario["size"]).body
    if not (body.index("{{") < 500 and body.rindex("{{") > len(body) - 500):
        wrong.append("the slots do not stand at both ends of the body")
    faults = stage.rig.bad_signatures(messages[:5]) if wanted else []
    return wrong + [f"a signature is bad: {fault}" for fault in faults[:1]], size


def _without_signatures(message):
    return re.sub(rb"(?is)\bDKIM-Signature:.*?\r\n(?=[^ \t])", b"", message)


def times(stage, name):
    """Of what a campaign delivered: milliseconds to the reply that took it, from the claim of its
    slice (cut and leased within one statement) and from the start of its attempt."""
    points = "array[0.5, 0.9, 0.99]"
    row = stage.rig.sql(
        f"select array_to_string(percentile_disc({points}) within group (order by duration_ms), ' '),"
        f" array_to_string(percentile_disc({points}) within group (order by"
        " extract(epoch from d.at - s.created_at) * 1000), ' ')"
        " from deliveries d join campaigns c on c.id = d.campaign_id left join slices s on"
        " s.tenant_id = d.tenant_id and s.campaign_id = d.campaign_id and s.id = d.slice_id"
        f" where c.name = '{name}' and d.verdict = 1")[0]
    found = {}
    for label, text in zip(("attempt", "claim"), row):
        for point, value in zip(("p50", "p90", "p99"), text.split()):
            found[f"{label}_{point}_msec"] = float(value)
    return found


def warm_up(stage, scenario, name):
    """A run that is not judged: system calls are counted in it, and its times are looked at."""
    if not scenario["warm_up"]:
        return {}
    path = stage.rig.place / f"{name}.perf"
    count = min(scenario["warm_up"], scenario["recipients"])
    send(stage, scenario, name, count, before_command=measure.counting(path))
    counted = measure.counted(path)
    return {f"{what}_per_message": value / count if value is not None else None
            for what, value in counted.items()} | times(stage, name)


def held_memory(stage, scenario, name):
    """Of an engine that has opened its connections and has a message on its way on each: its bytes,
    as soon as they grow no more, and what of them is the connections' own by its own account. The
    engine is ended then."""
    port, sink = stage.sink(scenario)
    stage.configure(scenario, port, name)
    stage.campaign(name, stage.letter(scenario["size"]),
                   stage.audience(scenario["recipients"], scenario["sites"]))
    log = stage.rig.place / f"{name}.log"
    with open(log, "w") as out:
        process = stage.rig.popen("send", name, "--verbose", stderr=out)
    end, peak, grown_at = time.monotonic() + HELD_LIMIT, 0, time.monotonic()
    while time.monotonic() < min(end, grown_at + HELD_REST) and process.poll() is None:
        now = measure.anonymous_of(process.pid)
        if now > peak * 1.001:
            grown_at = time.monotonic()
        peak = max(peak, now)
        time.sleep(POLL)
    stage.rig.stop(process, limit=HELD_DELAY * 3)  # what is on its way is answered before
    stage.rig.stop(sink)
    opened = sink.counts()["connections"]
    if opened < scenario["connections"]:
        raise RuntimeError(f"of {scenario['connections']} connections {opened} were opened")
    told = re.search(r"connection-memory.*?bytes_each=(\d+)", log.read_text())
    return peak, int(told[1])


def connection_memory(stage, scenario, name, runs):
    """What a connection costs the engine: one that waits, and one that has a message on its way,
    against half as many of them. Servers are slower here, so that what a rate costs is not in it."""
    count = scenario["connections"]
    slower = scenario | {"delay": HELD_DELAY, "latency": 0, "flight": "chunk"}
    half, _ = held_memory(stage, slower | {"connections": count // 2}, f"{name}-half")
    most, own = held_memory(stage, slower, f"{name}-all")
    for run in runs:
        run["connection_memory_bytes"] = own
        run["busy_connection_memory_bytes"] = (most - half) / (count - count // 2)


def bare_sender(stage, scenario, runs):
    """The least a message takes over so many connections to such servers (micro/bench_sockets):
    nearly all of it is the kernel's TCP, so that the carrier can be held against it."""
    port, sink = stage.sink(scenario)
    addresses = [DOMAINS[d] for d in list(DOMAINS)[:scenario["sites"]]]
    together = scenario["window"] if scenario["flight"] == "window" else 1
    said = r.run(micro("bench_sockets"), scenario["connections"], BARE_SECONDS,
                 scenario["size"], together, port, *addresses).stdout
    stage.rig.stop(sink)
    for run in runs:
        run["bare_sender_cpu_usec"], run["bare_sender_system_usec"] = map(float, said.split()[:2])


def measure_campaign(stage, scenario, say):
    wrong, size = proof(stage, scenario)
    name = scenario["name"]
    noted = warm_up(stage, scenario, f"{name}-0")
    runs = paired(stage, lambda i: send(stage, scenario, f"{name}-{i + 1}", scenario["recipients"]),
                  scenario["runs"], say)
    if scenario["connections"] >= 1000:
        bare_sender(stage, scenario, runs)
        connection_memory(stage, scenario, name, runs)
    faults = wrong + sorted({run["fault"] for run in runs if run["fault"]})
    found = results.result(name, "rundbrief", scenario["shows"], scenario, runs)
    found["figures"] |= {k: measure.summary([v]) for k, v in noted.items()}
    found["figures"]["message_size_bytes"] = measure.summary([size])
    found["faults"] = faults
    return found


