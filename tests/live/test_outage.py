"""The database is gone, its disk is full, the journal's disk is full: each for some time in the midst
of a campaign. The engine stops, says what is wrong and where, holds its memory, and goes on by itself
when the trouble is over. Nothing is lost, nothing is sent twice.

usage: test_outage.py [SECONDS of each] [gone|full|journal]...   3 unless told, and all; make
show-outage: 600. Root: it mounts tmpfs"""

import os
import pathlib
import signal
import sys
import time

import rig as r

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}
RATE = 150  # a second and domain
COUNT = 4500  # 15 seconds of work, and three outages in them
MEMORY_LIMIT = 192 << 20
ENVELOPES = 2000


class Disk:
    """A small disk of its own, which can be filled to the last byte."""

    def __init__(self, place, size):
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        r.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "rundbrief-test", place)

    def fill(self):
        with open(self.place / "ballast", "ab", buffering=0) as f:
            block = bytes(1 << 20)
            while block:
                try:
                    if f.write(block) < len(block):
                        block = block[:len(block) // 2]
                except OSError:
                    block = block[:len(block) // 2]

    def free(self):
        (self.place / "ballast").unlink()

    def close(self):
        r.run("umount", "-l", self.place, check=False)


def start_database(rig):
    """Tables on a small disk; what is logged before it is written there is not."""
    disk = Disk(rig.place / "pg", "400m")
    rig.start_database()
    place = pathlib.Path((rig.place / "pg" / "pg-place").read_text().strip())
    rig.stop_database()
    log = rig.place / "wal"
    r.run("mv", place / "data" / "pg_wal", log)
    (place / "data" / "pg_wal").symlink_to(log)
    with open(place / "data" / "postgresql.conf", "a") as f:
        f.write("autovacuum = off\n")
    restart(rig)
    return disk


def restart(rig):
    r.run(r.LIVE / "pg.sh", "start", rig.place / "pg")


class Scene:
    def __init__(self, rig, checks, process, seconds):
        self.rig, self.checks, self.process, self.seconds = rig, checks, process, seconds
        self.peak = 0

    def sent(self):
        return len(r.logged_recipients(self.rig.place / "log"))

    def said(self):
        return (self.rig.place / "err").read_text()

    def works(self, what, more=RATE):
        """It sends, and settles."""
        before, settled = self.sent(), self.settled()
        went = r.wait_for(lambda: self.sent() > before + more and self.settled() > settled, 60)
        self.peak = max(self.peak, r.peak_memory_of(self.process.pid))
        self.checks.check(went, f"{what}: it sends and settles")

    def settled(self):
        try:
            return int(self.rig.sql("select coalesce(sum(count), 0) from tallies")[0][0])
        except RuntimeError:
            return -1

    def suffers(self, what, begin, words, end, again=None):
        """One outage. words: any of them tells what is wrong. again: what makes room by itself is
        filled again (a server that crashes for want of room frees some as it comes back)."""
        place = len(self.said())
        before = self.sent()
        begin()
        began = time.monotonic()
        r.wait_for(lambda: any(w in self.said()[place:] for w in words), 40)
        # What had been marked goes out yet; then it stands still.
        still = self.sent()
        r.wait_for(lambda: False, 2)
        for _ in range(60):
            last, still = still, self.sent()
            if last == still:
                break
            time.sleep(1)
        while time.monotonic() < began + self.seconds:
            time.sleep(0.5)
            if again:
                again()
        at_end = self.sent()
        told = [line for line in self.said()[place:].splitlines() if any(w in line for w in words)]
        first = told[0][:300] if told else self.said()[place:][-600:]
        self.checks.check(told, f"{what}: it says so: {first}")
        bound = 8 + 4 * self.seconds // 60
        self.checks.check(len(told) <= bound, f"{what}: {len(told)} such lines, at most {bound}")
        self.checks.equal(self.process.poll(), None, f"{what}: it runs on; exit code")
        room = f", and sent {at_end - still} in room that the server made" if again else ""
        self.checks.check(at_end - still <= (ENVELOPES if again else 0),
                          f"{what} for {time.monotonic() - began:.0f} s: it stood still after "
                          f"{still - before} more messages{room}")
        self.peak = max(self.peak, r.peak_memory_of(self.process.pid))
        end()
        self.works(f"{what} is over")


def gone(rig):
    """As when its machine goes: every process of it at once."""
    postmaster = rig.postmaster()
    for pid in (postmaster, *r.children_of(postmaster)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def play(rig, checks, seconds, which):
    disk = start_database(rig)
    journal = Disk(rig.place / "journal", "16m")
    disks = (disk, journal)
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", rig.place / "log", "--defer", "2%",
                                listeners=DOMAINS.values())
    rig.prepare_with(port, engine={"slice_size": 200, "envelopes": ENVELOPES},
                     default_limits={"message_rate": f"{RATE}/s"})
    r.subscribers_csv(rig.place / "list.csv", COUNT, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.campaign("long", text="Dear {{ first_name }}, news.\n" + "A line of them.\n" * 40)
    rig.command("campaign", "create", rig.place / "long")
    process = rig.popen("send", "long", stderr=open(rig.place / "err", "w"))
    scene = Scene(rig, checks, process, seconds)
    scene.works("at first")
    if "gone" in which:
        scene.suffers("the database gone", lambda: gone(rig), ["cannot be reached", "database is gone"],
                      lambda: restart(rig))

    def make_room():
        disk.free()
        restart(rig)  # where it has given up altogether; else this finds it running

    if "full" in which:
        scene.suffers("the database's disk full", disk.fill, ["disk is full"], make_room, disk.fill)
    if "journal" in which:
        scene.suffers("the journal's disk full", journal.fill, ["journal"], journal.free)
    checks.check(r.wait_for(lambda: process.poll() is not None, 120), "the campaign ends")
    checks.equal(process.returncode, 0, "exit code of send")
    rig.stop(sink)
    report = rig.report("long")
    checks.adds_up(report, COUNT, sink.counts()["accepted"])
    checks.equal((sink.counts()["duplicates"], report["in_doubt"]), (0, 0), "sent twice, in doubt")
    checks.check(0 < scene.peak < MEMORY_LIMIT, f"peak memory of the engine {scene.peak / 2**20:.1f} MB, "
                 f"bound {MEMORY_LIMIT >> 20}")
    return disks


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    which = sys.argv[2:] or ["gone", "full", "journal"]
    checks = r.Checks()
    if os.getuid() != 0:
        checks.skip("nothing is mounted without root")
        checks.end("outage")
    rig = r.Rig("outage-" + "-".join(which))
    try:
        play(rig, checks, seconds, which)
    finally:
        rig.close()
        for place in ("journal", "pg"):
            r.run("umount", "-l", rig.place / place, check=False)
    checks.end("outage")


if __name__ == "__main__":
    main()
