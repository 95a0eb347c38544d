"""Campaigns into a real Postfix and a real Exim, and their stored mail read back.

Each server runs in a root of its own (servers.py) and delivers whatever comes for its domain into a
Maildir. Every message must be there once, verify with python3-dkim, and be, trace headers and
signatures apart, what `rundbrief preview --raw` shows.

usage: test_mailservers.py [MESSAGES]   in all; 400 unless told, make show-mailservers: 20,000"""

import multiprocessing
import os
import sys
import time

import rig as r
import servers as v

ADDRESSES = {name: v.ADDRESSES[name] for name in ("postfix.test", "exim.test")}
CORPUS = r.ROOT.parent / "shared" / "corpus" / "newsletters"


def bodies():
    """(name, html, text or None): the corpus, or what of our gallery is one file where there is
    none."""
    if not CORPUS.is_dir():
        for folder in sorted((r.ROOT / "templates" / "gallery").iterdir()):
            if (folder / "body.html").exists() and not (folder / "partials").exists():
                yield folder.name, (folder / "body.html").read_text(), None
        return
    for path in sorted(CORPUS.glob("*.html")):
        # In {% raw %} the body stands as its author wrote it, whatever language its braces are.
        text = path.with_suffix(".txt")
        yield (path.stem.replace(".", "-"), personal(path.read_text()),
               personal(text.read_text()) if text.exists() else None)


def personal(body):
    return ("For {{ first_name }} Müller, {{ email }}\n{% raw %}" + body +
            "{% endraw %}\n{{ unsubscribe_url }}\n")


_rig = None


def compare(job):
    """One stored message; None, or what is wrong with it."""
    campaign, recipient, message = job
    return v.unlike_preview(_rig, campaign, recipient, v.as_sent(message))


def send_all(rig, checks, count):
    """All campaigns; returns their names. All go to the same people."""
    texts = list(bodies())
    people = max(2, -(-count // len(texts)))
    with open(rig.place / "list.csv", "w") as f:
        f.write("email,first_name\n")
        for i in range(people):
            f.write(f"r{i}@{list(ADDRESSES)[i % 2]},Zoë {i}\n")
    rig.command("import", rig.place / "list.csv", "--list", "main")
    for name, html, text in texts:
        rig.campaign(name, html=html, text=text, subject="{{ first_name }}: " + name,
                     feedback_id=f"{name}:a:b:c")
        rig.command("send", rig.place / name, "--quiet", timeout=1200)
        report = rig.report(name)
        if report["delivered"] != people or report["targeted"] != people:
            checks.check(False, f"{name}: {people} delivered, {report['reasons'][:1]}")
    checks.check(True, f"{len(texts)} campaigns to {people} people each were sent")
    return [name for name, _, _ in texts], people


def read_back(rig, checks, servers, names, people):
    total = len(names) * people
    r.wait_for(lambda: sum(len(s.stored()) for s in servers) >= total, 30 + total / 50, 0.5)
    time.sleep(1)
    jobs, ids, pairs = [], set(), set()
    for server in servers:
        count = 0
        for message in server.messages():
            campaign = v.field(message, b"Feedback-ID").split(":")[0]
            recipient = v.field(message, b"To").strip("<>")
            ids.add(v.message_id(message))
            pairs.add((campaign, recipient))
            jobs.append((campaign, recipient, message))
            count += 1
        checks.check(count > 0, f"{server.name} has stored {count} messages")
    checks.equal(len(jobs), total, "stored in all")
    checks.equal(len(pairs), total, "each of them another campaign or recipient")
    checks.equal(len(ids), total, "and another Message-ID")
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        faults = [fault for fault in pool.imap_unordered(compare, jobs, 50) if fault]
    checks.check(not faults, f"{len(jobs) - len(faults)} of {len(jobs)} verify and are byte for "
                 "byte what preview shows" + "".join(f"; {f}" for f in faults[:5]))


def main():
    global _rig
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    checks = r.Checks()
    if os.geteuid() != 0:
        checks.skip("Postfix and Exim in roots of their own: needs root")
        checks.end("mailservers")
    if not CORPUS.is_dir():
        checks.skip("newsletters that others wrote: ../shared is not there; our gallery is sent")
    port = r.free_port()
    servers = []
    rig = _rig = r.Rig("mailservers")
    try:
        for kind in (v.Postfix, v.Exim):
            servers.append(kind(port))
        for server in servers:
            checks.check(r.wait_for(server.listens, 20), f"{server.name} greets")
        rig.start_database()
        rig.start_zone(r.mail_zone(ADDRESSES))
        rig.prepare_with(port, dkim=("ed25519", "rsa"), smtp={"port": port, "tls": "may"},
                         default_limits={"connections": 10, "messages_per_connection": 100,
                                         "message_rate": "1000000/s",
                                         "connection_rate": "10000/s"})
        names, people = send_all(rig, checks, count)
        read_back(rig, checks, servers, names, people)
    finally:
        for server in servers:
            server.close()
        rig.close()
    checks.end("mailservers")


if __name__ == "__main__":
    main()
