"""Hosts that answer late: whoever takes a window of messages gets as many in one flight as are a
connection's share, so that none waits for an answer beside a connection that has nothing to do.

usage: test_far.py [RECIPIENTS]   400 unless told"""

import collections
import sys

import rig as r

HOST = {"far.test": "127.0.0.2"}
LATENCY = 400  # ms
CONNECTIONS, WINDOW = 4, 8
FEW = 8
TOGETHER = 10000  # us between messages of one flight, at most


def flights(path, name):
    """Of messages for recipients of that name: (connection, when the first of them came) -> how many
    came with it."""
    came = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        fields = line.split("\t")
        if fields[0] == "message" and fields[6].startswith(name):
            came[fields[1]].append(int(fields[3]))
    found = collections.Counter()
    for connection, times in came.items():
        first = last = None
        for at in sorted(times):
            first = first if last is not None and at < last + TOGETHER else at
            last = at
            found[connection, first] += 1
    return found


def audience(rig, name, count):
    (rig.place / f"{name}.csv").write_text(
        "email\n" + "".join(f"{name}{i}@far.test\n" for i in range(count)))
    rig.command("import", rig.place / f"{name}.csv", "--list", name)
    rig.campaign(name, text="Hello\n", lists=[name])
    rig.command("campaign", "create", rig.place / name)


def sent(rig, name):
    rig.command("campaign", "start", name)
    return r.wait_for(lambda: rig.report(name)["state"] == "finished", 60)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    checks, rig = r.Checks(), r.Rig("far")
    rig.start_database()
    rig.start_zone(r.mail_zone(HOST))
    events = rig.place / "events"
    port, sink = rig.start_sink("--log-events", events, "--latency", str(LATENCY),
                                listeners=list(HOST.values()))
    limits = {"message_rate": "10000/s", "connections": CONNECTIONS, "connection_rate": "10000/s",
              "messages_per_connection": 0, "flight": "window", "window": WINDOW, "idle_close": "10m"}
    rig.prepare_with(port, default_limits=limits)
    audience(rig, "many", count)
    audience(rig, "few", FEW)
    engine = rig.popen("serve", stderr=open(rig.place / "serve.err", "w"))
    checks.check(sent(rig, "many") and sent(rig, "few"), "both campaigns are finished")
    rig.stop(engine)
    rig.stop(sink)
    many, few = flights(events, "many"), flights(events, "few")
    checks.equal((sum(many.values()), sum(few.values())), (count, FEW), "messages were answered once each")
    checks.check(len({connection for connection, _ in many}) == CONNECTIONS,
                 f"{count} recipients: all {CONNECTIONS} connections")
    checks.check(max(many.values()) <= WINDOW,
                 f"{count} recipients: flights of {max(many.values())} at most, no more than the window")
    checks.check(sum(many.values()) >= 2 * len(many),
                 f"{count} recipients: {len(many)} flights, of {count / len(many):.1f} messages each")
    checks.check(max(few.values()) <= FEW // CONNECTIONS + 1,
                 f"{FEW} recipients: flights of {sorted(few.values())}, none of many beside idle connections")
    checks.equal(sink.counts()["connections"], CONNECTIONS, "connections in all")
    rig.close()
    checks.end("far")


if __name__ == "__main__":
    main()
