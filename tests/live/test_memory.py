"""What a long campaign needs: memory of the engine, bytes written to disk a message, and whether
any message's body reaches the disk.

usage: test_memory.py [RECIPIENTS]   50,000 unless told, make show-memory: 1,000,000"""

import os
import re
import subprocess
import sys
import threading
import time

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{10 + i}" for i in range(8)}
MEMORY_LIMIT = 96 << 20
WRITTEN_LIMIT = 1024  # bytes a message
# Each body says who it is for: a phrase that exists in rendered messages alone.
MARK = "rendered-for-"
HTML = ("<html><body><p>Dear {{ first_name }}, this letter was " + MARK +
        "{{ first_name }}.</p>\n" + "<p>News and more news, week after week.</p>\n" * 60 +
        '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>\n')


class Watch(threading.Thread):
    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.written = pid, 0, 0
        self.start()

    def run(self):
        while True:
            try:
                self.peak = max(self.peak, r.peak_memory_of(self.pid))
                self.written = max(self.written, r.io_of(self.pid))
            except (FileNotFoundError, ProcessLookupError):
                return
            time.sleep(0.05)


def files_with_body(rig):
    """Files of the database, the journal and the engine's folder that hold a rendered phrase."""
    place = (rig.place / "pg" / "pg-place").read_text().strip()
    found = subprocess.run(["grep", "-rlaE", MARK + "first_name[0-9]", place, rig.place / "journal"],
                           capture_output=True, text=True)
    if found.returncode > 1:
        raise RuntimeError(found.stderr)
    return found.stdout.split()


def control(rig):
    """The search finds a body where there is one: in the message that the sink has stored."""
    mail = rig.place / "control.mail"
    port, sink = rig.start_sink("--store", f"exact:{mail}", listeners=DOMAINS.values())
    rig.configure(**rig.settings(port))
    rig.campaign("control", html=HTML, lists=["one"])
    rig.command("send", rig.place / "control", "--quiet")
    rig.stop(sink)
    return re.search(MARK.encode() + rb"first_name\d", mail.read_bytes()) is not None


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50000
    checks, rig = r.Checks(), r.Rig("memory", fast=False)
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    rig.prepare_with(1)
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    r.subscribers_csv(rig.place / "one.csv", 1, list(DOMAINS))
    rig.command("import", rig.place / "one.csv", "--list", "one")
    rig.command("import", rig.place / "list.csv", "--list", "main")
    # Autovacuum would do so a minute later, in mid-campaign: it is the import's cost.
    rig.sql("vacuum analyze")
    checks.check(control(rig), "the phrase that is looked for stands in messages")
    port, sink = rig.start_sink(listeners=DOMAINS.values())
    rig.configure(**rig.settings(port))
    rig.campaign("long", html=HTML)
    rig.command("campaign", "create", rig.place / "long")
    rig.sql("checkpoint")
    before = rig.database_written()
    began = time.monotonic()
    process = rig.popen("send", "long", "--quiet")
    watch = Watch(process.pid)
    status = process.wait(1800)
    took = time.monotonic() - began
    bodies = files_with_body(rig)
    rig.sql("checkpoint")
    after = rig.database_written()
    rig.stop(sink)
    checks.equal(status, 0, f"send of {count} in {took:.0f} s ends with")
    checks.adds_up(rig.report("long"), count, sink.counts()["accepted"])
    checks.equal(sink.counts()["duplicates"], 0, "duplicates at the sink")
    checks.check(watch.peak < MEMORY_LIMIT, f"peak memory of the engine {watch.peak / 2**20:.1f} MB, "
                 f"promised under {MEMORY_LIMIT >> 20}")
    parts = {part: (after[part] - before[part]) / count for part in after}
    parts["engine"] = watch.written / count
    total = sum(parts.values())
    checks.check(total < WRITTEN_LIMIT, f"{total:.0f} bytes a message written to disk ("
                 f"{', '.join(f'{k} {v:.0f}' for k, v in parts.items())}), promised under 1,024")
    bodies = [os.path.relpath(b, rig.place) for b in bodies]
    checks.check(not bodies, "no message's body is in the files of database and journal" +
                 "".join(f"; {b}" for b in bodies[:5]))
    rig.close()
    checks.end("memory")


if __name__ == "__main__":
    main()
