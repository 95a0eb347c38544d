"""Limits wider than a path count over all engines of a database: two engines send one campaign
from two sources to a server that counts, and together they start no more messages, open no more
new connections, and hold no more at once than one engine alone might. One of them sleeps for
longer than anything it had drawn, in the middle of it, and goes on.

usage: test_draws.py [MESSAGES [RATE [ENGINES]]]"""

import asyncio
import bisect
import copy
import signal
import sys
import threading
import time

import rig as r

DOMAINS = {"people.test": "127.0.0.2"}
CONNECTIONS = 6
NEW_PER_SECOND = 20
EACH = 25  # messages on a connection
SLICE = 100
LATE = 0.25  # a machine with much to do may see so much of a time at once
WINDOWS = (1, 2, 5)


class Counter(threading.Thread):
    """A mail server that notes when what began."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.port = address, None
        self.starts, self.opened, self.at_once, self.most = [], [], {}, 0
        self.told = threading.Event()
        self.start()
        self.told.wait(10)

    def run(self):
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.listen())

    async def listen(self):
        server = await asyncio.start_server(self.serve, self.address, 0)
        self.port = server.sockets[0].getsockname()[1]
        self.told.set()
        async with server:
            await server.serve_forever()

    async def serve(self, reader, writer):
        peer = writer.get_extra_info("peername")[0]
        self.opened.append(time.monotonic())
        self.at_once[peer] = self.at_once.get(peer, 0) + 1
        self.most = max(self.most, sum(self.at_once.values()))
        try:
            await self.talk(reader, writer, peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.at_once[peer] -= 1
            writer.close()

    async def talk(self, reader, writer, peer):
        writer.write(b"220 mx.people.test ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"MAIL":
                self.starts.append((time.monotonic(), peer))
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(0.005)
            writer.write(b"250-mx.people.test\r\n250 PIPELINING\r\n" if verb == b"EHLO"
                         else b"221 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n")
            if verb == b"QUIT":
                return


def most_in(times, window):
    times = sorted(times)
    return max((bisect.bisect(times, t + window) - i for i, t in enumerate(times)), default=0)


class Engine:
    def __init__(self, rig, port, index, rate):
        self.rig, self.index = copy.copy(rig), index
        self.rig.place = rig.place / f"engine{index}"
        self.rig.place.mkdir()
        self.address = f"127.0.0.{5 + index}"
        self.settings = rig.settings(
            port, engine={"name": f"engine{index}", "slice_size": SLICE,
                          "journal": str(rig.place / f"journal{index}")},
            source=[(f"source{index}", {"address": self.address, "helo": "out.news.test"})],
            default_limits={"connections": 20, "messages_per_connection": max(EACH, rate // 4),
                            "message_rate": "1000000/s", "connection_rate": "10000/s"},
            limit=[("everybody", {"message_rate": f"{rate}/s", "connections": CONNECTIONS,
                                  "connection_rate": f"{NEW_PER_SECOND}/s"})])

        self.rig.configure(**self.settings)

    def start(self):
        with open(self.rig.place / "err", "w") as err:
            self.process = self.rig.popen("serve", stderr=err)


def watch(rig, counter, engines, count):
    """All of it; the second engine sleeps for three seconds in the middle."""
    asleep = []
    began = time.monotonic()

    def step():
        done = len(counter.starts)
        if not asleep and done > count // 3:
            engines[1].process.send_signal(signal.SIGSTOP)
            asleep.append(time.monotonic())
        if len(asleep) == 1 and time.monotonic() > asleep[0] + 3:
            engines[1].process.send_signal(signal.SIGCONT)
            asleep.append(time.monotonic())
        return rig.report("news")["state"] == "finished"
    ended = r.wait_for(step, 120, 0.1)
    return ended, asleep, time.monotonic() - began


def judge(checks, counter, engines, count, rate, asleep):
    times = [t for t, _ in counter.starts]
    took = max(times) - min(times)
    burst = max(1, rate // 20)
    for window in WINDOWS:
        most, allowed = most_in(times, window), burst + rate * (window + LATE)
        checks.check(most <= allowed,
                     f"in {window} s at most {most} messages started, {rate}/s let {allowed:.0f}")
        most, allowed = most_in(counter.opened, window), 1 + NEW_PER_SECOND * (window + LATE)
        checks.check(most <= allowed, f"and {most} connections were opened, {NEW_PER_SECOND}/s "
                     f"let {allowed:.0f}")
    checks.check(took >= (count - burst) / rate - LATE,
                 f"{count} messages took {took:.1f} s, {count / rate / took:.0%} of the limit")
    checks.check(counter.most <= CONNECTIONS,
                 f"{counter.most} connections at once, {CONNECTIONS} are allowed")
    by = [sum(p == e.address for _, p in counter.starts) for e in engines]
    # A slice at least: how many more is for the machine to say; fair parts are test_shape_draw's.
    checks.check(min(by) >= SLICE, f"by each engine: {by}")
    slept = [t for t, p in counter.starts
             if p == engines[1].address and asleep[0] + 0.3 < t < asleep[1]]
    checks.equal(len(slept), 0, "messages that began of an engine that was asleep")


def alone(rig, checks, counter, count, rate):
    """What the others held is free when they have ended; alone it has all of the limit."""
    counter.starts.clear()
    r.subscribers_csv(rig.place / "few.csv", count, list(DOMAINS))
    rig.command("import", rig.place / "few.csv", "--list", "few")
    rig.command("campaign", "create", rig.campaign("alone", text="Hello\n", lists=["few"]))
    rig.command("campaign", "start", "alone")
    checks.check(r.wait_for(lambda: rig.report("alone")["state"] == "finished", 60, 0.1),
                 "one engine alone sends the next one")
    times = sorted(t for t, _ in counter.starts)
    used = len(times) / rate / (times[-1] - times[0])
    checks.check(len(times) == count and most_in(times, 2) <= rate // 20 + 1 + rate * (2 + LATE),
                 f"alone it uses {used:.0%} of the limit")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 900
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    many = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    checks, rig = r.Checks(), r.Rig("draws")
    try:
        counter = Counter("127.0.0.2")
        rig.start_database()
        rig.start_zone(r.mail_zone(DOMAINS))
        engines = [Engine(rig, counter.port, i, rate) for i in range(many)]
        rig.configure(**engines[0].settings)
        rig.command("init")
        r.subscribers_csv(rig.place / "main.csv", count, list(DOMAINS))
        rig.command("import", rig.place / "main.csv", "--list", "main")
        rig.command("campaign", "create", rig.campaign("news", text="Dear {{ first_name }}\n"))
        for engine in engines:
            engine.start()
        time.sleep(1)
        rig.command("campaign", "start", "news")
        ended, asleep, took = watch(rig, counter, engines, count)
        report = rig.report("news")
        checks.check(ended and report["holds"] and report["delivered"] == count,
                     f"{report['delivered']} of {count} delivered by {many} engines in "
                     f"{took:.0f} s, {report['in_doubt']} in doubt")
        judge(checks, counter, engines, count, rate, asleep)
        for engine in engines[1:]:
            rig.stop(engine.process)
        alone(rig, checks, counter, 3 * rate, rate)
        rows = rig.sql("select account, kind, version from draw_accounts order by 1, 2")
        print("draws:", ", ".join(f"{a} ({('messages', 'bytes', 'new connections', 'at once')[int(k)]}) "
                                  f"{v}" for a, k, v in rows))
    finally:
        rig.close()
    checks.end("draws")


if __name__ == "__main__":
    main()
