"""Kind `handover`: single messages are handed over, each by a row of its own, while a campaign that
signs fills the machine; how long each takes to be accepted at the other end. A row is handed over when
its commit has returned: before, its program cannot know that it is, and has to be ready to insert it
again. What the insert takes by itself stands beside."""

import subprocess
import sys
import time

import measure
import results
from campaign import paired
from stage import r

PER_SECOND = 50
FULL = 0.9          # of the machine's time is used: the campaign fills it
WAIT_FOR_BULK = 60  # seconds
LAST_WAIT = 10
SWITCH = 0.0002     # seconds after which the meter's threads leave Python to the client, which has a clock


class Client:
    """A program that hands over: one connection to the database, one row a statement."""

    def __init__(self, rig, template):
        self.template, self.given, self.answered = template, {}, {}
        self.process = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", rig.conninfo],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hand_over(self, address, number):
        """Notes when the statement is said and when it is answered, its commit being on the disk."""
        self.given[address] = time.monotonic()
        self.process.stdin.write(
            "insert into outbox (template, address, name, attributes) values "
            f"('{self.template}', '{address}', 'Ann', '{{\"order\": {number}}}') returning 1;\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "1\n":
            raise RuntimeError("a row could not be handed over")
        self.answered[address] = time.monotonic()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def _accepted_at(log, wanted):
    """{address: seconds of the monotonic clock}, from the sink's log of events."""
    found = {}
    with open(log) as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if fields[0] == "message" and fields[6] in wanted and fields[5].startswith("2"):
                found[fields[6]] = int(fields[4]) / 1e6
    return found


def _wait_for_bulk(sink, process):
    began = time.monotonic()
    while time.monotonic() < began + WAIT_FOR_BULK and process.poll() is None:
        sink.send_signal(r.signal.SIGUSR1)
        time.sleep(0.2)
        try:
            if sink.counts()["accepted"] >= 2000:
                return
        except FileNotFoundError:
            pass
    raise RuntimeError("the campaign beside the hand-overs did not begin")


def _once(stage, scenario, index):
    rig, name = stage.rig, f"{scenario['name']}-{index}"
    log = rig.place / f"{name}.events"
    audience = stage.audience(scenario["recipients"], scenario["sites"])
    port, sink = stage.sink(scenario, "--log-events", log)
    stage.configure(scenario, port, name)
    stage.campaign(name, stage.letter(scenario["size"]), audience)
    folder = rig.campaign(f"{name}-receipt", text="Dear {{ name }}, your order {{ order }}.\n",
                          subject="Order {{ order }}", kind="transactional")
    conf = folder / "campaign.conf"
    conf.write_text("".join(line for line in conf.read_text().splitlines(True)
                            if not line.startswith("lists")))
    for started in (folder, rig.place / name):
        rig.command("campaign", "create", started)
    stage.checkpoint()
    for started in (name, f"{name}-receipt"):
        rig.command("campaign", "start", started)
    # In a session of its own, as service managers start it: the kernel shares cores by sessions.
    process = rig.popen("serve", "--quiet", stderr=open(rig.place / f"{name}.log", "w"),
                        start_new_session=True)
    _wait_for_bulk(sink, process)
    client, meter = Client(rig, f"{name}-receipt"), measure.Meter(
        stage.parts(sink) | {"engine": [process.pid]})
    sys.setswitchinterval(SWITCH)
    began = time.monotonic()
    for n in range(scenario["handovers"]):
        time.sleep(max(0, began + n / PER_SECOND - time.monotonic()))
        client.hand_over(f"h{index}.{n}@site{n % scenario['sites']}.test", n)
    spent, wanted = meter.stop(), client.given
    r.wait_for(lambda: len(_accepted_at(log, wanted)) == len(wanted), LAST_WAIT)
    client.close()
    counts = rig.report(name)
    rig.stop(process, limit=60)
    rig.stop(sink)
    accepted = _accepted_at(log, wanted)
    log.unlink()
    return _figures(scenario, meter, spent, client, accepted, counts)


def _figures(scenario, meter, spent, client, accepted, counts):
    given, answered = client.given, client.answered
    # One that is accepted before the client has read the answer to its commit took no time.
    times = {"handover": [max(0, accepted[a] - answered[a]) for a in accepted],
             "with_insert": [accepted[a] - given[a] for a in accepted],
             "insert": [answered[a] - given[a] for a in accepted]}
    conditions = meter.conditions()
    ours = sum(s.cpu_usec for s in spent.values()) / 1e6 + meter.own
    run = {"messages": scenario["handovers"], "seconds": meter.seconds,
           "messages_per_second": scenario["handovers"] / meter.seconds,
           "machine_share": ours / meter.seconds / measure.CORES} | conditions
    for what, seconds in times.items():
        run |= {f"{what}_{point}_msec": value * 1e3 for point, value in
                measure.percentiles(seconds, (50, 90, 99, 100)).items()}
    run["fault"] = None
    if len(accepted) != len(given):
        run["fault"] = f"of {len(given)} handed over {len(accepted)} were accepted"
    elif counts["open"] == 0:
        run["fault"] = "the campaign was over before the last hand-over: more recipients are needed"
    elif run["machine_share"] + conditions["others_share"] < FULL:
        run["fault"] = f"the campaign left {1 - run['machine_share']:.0%} of the machine free"
    return run


def measure_handover(stage, scenario, say):
    runs = paired(stage, lambda i: _once(stage, scenario, i), scenario["runs"], say)
    found = results.result(scenario["name"], "rundbrief", scenario["shows"], scenario, runs)
    found["faults"] = sorted({run["fault"] for run in runs if run["fault"]})
    return found
