"""Campaigns into a real Postfix and a real Exim, and their stored mail read back.

Each server runs in a root of its own (root.sh) and delivers whatever comes for its domain into a
Maildir. Every message must be there once, verify with python3-dkim, and be, trace headers and
signatures apart, what `rundbrief preview --raw` shows.

usage: test_mailservers.py [MESSAGES]   in all; 400 unless told, make show-mailservers: 20,000"""

import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import rig as r

ADDRESSES = {"postfix.test": "127.0.0.2", "exim.test": "127.0.0.3"}
CORPUS = r.ROOT.parent / "shared" / "corpus" / "newsletters"
TRACE = (b"return-path", b"x-original-to", b"delivered-to", b"received", b"envelope-to",
         b"delivery-date")

POSTFIX = """
compatibility_level = 3.6
myhostname = mx.postfix.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = /var/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:8
virtual_gid_maps = static:8
virtual_minimum_uid = 8
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
maillog_file = /var/log/postfix.log
"""

EXIM = """
primary_hostname = mx.exim.test
local_interfaces = {address}
daemon_smtp_ports = {port}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
acl_smtp_rcpt = accept_all
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
smtp_accept_max = 200
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
queue_run_max = 10
begin acl
accept_all:
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = /var/mail/all
  maildir_format
  delivery_date_add
  envelope_to_add
  return_path_add
  user = mail
  group = mail
begin retry
* * F,1h,1m
"""


class Server:
    """A mail server in an overlay root."""

    def __init__(self, name, package, port):
        self.name, self.port = name, port
        self.place = r.ROOT / "build" / "roots" / name
        self.address = ADDRESSES[f"{name}.test"]
        r.run(r.LIVE / "root.sh", "make", self.place, package)
        self.root = self.place / "root"
        self.mail = self.root / "var" / "mail" / "all"
        shutil.rmtree(self.mail, ignore_errors=True)
        (self.root / "var" / "mail").chmod(0o1777)

    def inside(self, *command, check=True):
        return r.run(r.LIVE / "root.sh", "run", self.place, *command, check=check)

    def close(self):
        try:
            self.stop()
        finally:
            r.wait_for(lambda: r.run(r.LIVE / "root.sh", "close", self.place,
                                     check=False).returncode == 0, 15, 0.5)

    def stored(self):
        """Maildir: names of new files."""
        try:
            return os.listdir(self.mail / "new")
        except FileNotFoundError:
            return []

    def listens(self):
        try:
            with socket.create_connection((self.address, self.port), timeout=2) as s:
                s.settimeout(5)
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def messages(self):
        for name in self.stored():
            yield (self.mail / "new" / name).read_bytes()


class Postfix(Server):
    def __init__(self, port):
        super().__init__("postfix", "postfix", port)
        etc = self.root / "etc" / "postfix"
        (etc / "main.cf").write_text(POSTFIX)
        shutil.copy(self.root / "usr" / "share" / "postfix" / "master.cf.dist", etc / "master.cf")
        endpoint = f"{self.address}:{port}"
        self.inside("postconf", "-MX", "smtp/inet")
        self.inside("postconf", "-M", f"{endpoint}/inet={endpoint} inet n - n - 100 smtpd")
        self.inside("postconf", "-F", "*/*/chroot = n")
        self.inside("newaliases", check=False)
        self.inside("postfix", "stop", check=False)
        shutil.rmtree(self.root / "var" / "spool" / "postfix" / "active", ignore_errors=True)
        self.inside("postfix", "start")

    def stop(self):
        self.inside("postfix", "stop", check=False)


class Exim(Server):
    def __init__(self, port):
        super().__init__("exim", "exim4-daemon-light", port)
        config = self.root / "etc" / "exim4" / "exim4.conf"
        config.write_text(EXIM.format(address=self.address, port=port))
        # Where it looks by itself: with -C its own child processes would not trust the file.
        self.inside("sh", "-c", "rm -rf /var/spool/exim4/input && "
                    "mkdir -p /var/log/exim4 /run/exim4 && "
                    "chown Debian-exim /var/log/exim4 /run/exim4 /var/spool/exim4")
        self.process = subprocess.Popen(
            [str(r.LIVE / "root.sh"), "run", str(self.place), "/usr/sbin/exim4", "-bdf",
             "-q10s", "-oP", "/run/exim4/test.pid"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def bodies():
    """(name, html, text or None): the corpus, or our own gallery where there is none."""
    if not CORPUS.is_dir():
        for folder in sorted((r.ROOT / "templates" / "gallery").iterdir()):
            if (folder / "body.html").exists():
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


def without(head, names):
    """A header without the fields of these names."""
    fields = re.split(rb"\n(?![ \t])", head)
    return b"\n".join(f for f in fields if f.split(b":")[0].lower() not in names)


def as_sent(message):
    """The message as it left: what the receiver has put on top is taken off, until the first
    field that is no trace."""
    head, body = message.split(b"\n\n", 1)
    fields = re.split(rb"\n(?![ \t])", head)
    while fields and fields[0].split(b":")[0].lower() in TRACE:
        fields.pop(0)
    return b"\n".join(fields) + b"\n\n" + body


def message_id(message):
    return re.search(rb"(?im)^message-id:\s*(<[^>]+>)", message.split(b"\n\n", 1)[0]).group(1)


_rig = None


def compare(job):
    """One stored message; None, or what is wrong with it."""
    campaign, recipient, message = job
    sent = as_sent(message)
    faults = _rig.bad_signatures([sent.replace(b"\n", b"\r\n")])
    if faults:
        return f"{campaign} {recipient}: {faults[0]}"
    head, body = sent.split(b"\n\n", 1)
    shown = subprocess.run(
        [_rig.program, "preview", campaign, "--to", recipient, "--raw", "--unsigned"],
        capture_output=True, cwd=_rig.place, env=dict(os.environ, RUNDBRIEF_CONFIG=str(
            _rig.config))).stdout.replace(b"\r\n", b"\n")
    if without(head, (b"dkim-signature",)) + b"\n\n" + body != shown:
        return f"{campaign} {recipient}: is not what preview shows"
    return None


def field(message, name):
    found = re.search(rb"(?im)^" + name + rb":\s*(.*)$", message.split(b"\n\n", 1)[0])
    return found.group(1).strip().decode() if found else ""


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
            campaign = field(message, b"Feedback-ID").split(":")[0]
            recipient = field(message, b"To").strip("<>")
            ids.add(message_id(message))
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
        for kind in (Postfix, Exim):
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
