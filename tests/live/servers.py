"""Real mail servers of many ancestries, each started with a folder of its own and stopped by pid.

A server takes whatever comes for its domain, except that it refuses recipients whose local part
begins with `bad`, and stores each message in one Maildir with its envelope: `letters()` gives them
back. Postfix, Exim, OpenSMTPD and Dovecot's LMTP live in overlay roots (root.sh, needs root);
aiosmtpd is Debian's, Haraka comes from npm into build/. Not here: what is sent to them
(test_mailservers.py, test_servers.py)."""

import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys

import rig as r

ADDRESSES = {"postfix.test": "127.0.0.2", "exim.test": "127.0.0.3", "opensmtpd.test": "127.0.0.4",
             "dovecot.test": "127.0.0.5", "aiosmtpd.test": "127.0.0.6", "haraka.test": "127.0.0.7"}
TRACE = (b"return-path", b"x-original-to", b"delivered-to", b"received", b"envelope-to",
         b"delivery-date")
SENDER = (b"Return-Path", b"X-MailFrom")
RECIPIENT = (b"Delivered-To", b"Envelope-To", b"X-RcptTo")
HARAKA = "Haraka@3.1.1"

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
smtpd_forbid_unauth_pipelining = yes
smtpd_recipient_restrictions =
  check_recipient_access regexp:{{/^bad/ 550 5.1.1 no such mailbox}}
smtpd_relay_restrictions = permit_mynetworks, reject
maillog_file = /var/log/postfix.log
"""

EXIM = """
primary_hostname = mx.exim.test
local_interfaces = {address}
daemon_smtp_ports = {port}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
acl_smtp_rcpt = but_bad
pipelining_advertise_hosts = *
chunking_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
smtp_accept_max = 200
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
queue_run_max = 10
begin acl
but_bad:
  deny local_parts = ^bad
       message = no such mailbox
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

OPENSMTPD = """
table takers {{ "@opensmtpd.test" = "mail" }}
table users {{ "mail" = "8:8:/var/empty" }}
table refused {{ "^bad.*@" }}
listen on {address} port {port} hostname mx.opensmtpd.test
action store maildir "/var/mail/all" virtual <takers> userbase <users>
match from any for rcpt-to regex <refused> reject
match from any for domain "opensmtpd.test" action store
"""

DOVECOT = """
protocols = lmtp
log_path = /var/log/dovecot.log
hostname = mx.dovecot.test
ssl = no
first_valid_uid = 8
mail_uid = mail
mail_gid = mail
mail_location = maildir:/var/mail/all:INDEX=MEMORY
passdb {{
  driver = static
  args = nopassword=y
  username_filter = !bad*
}}
passdb {{
  driver = passwd-file
  args = /etc/dovecot/others
}}
userdb {{
  driver = static
  args = home=/var/mail
}}
service lmtp {{
  process_min_avail = 2
  inet_listener lmtp {{
    address = {address}
    port = {port}
  }}
}}
"""

HARAKA_FILES = {
    "config/smtp.ini": "listen={address}:{port}\nnodes=0\n",
    "config/plugins": "store\n",
    "config/me": "mx.haraka.test\n",
    # All that its code takes for granted: newer haraka-config leaves the shipped file aside.
    "config/connection.ini": "[main]\n[haproxy]\nhosts[]=192.0.2.1\n[headers]\nmax_lines=1000\n"
                             "max_received=100\n[max]\nbytes=26214400\nmime_parts=1000\n"
                             "line_length=512\ndata_line_length=992\n[message]\n[uuid]\n"
                             "banner_chars=6\ndeny_chars=0\n",
    "config/log.ini": "[main]\nlevel=NOTICE\n",
}


class Server:
    """A mail server; start() it, listen to it, read what it stored, close() it."""

    name = protocol = None

    def __init__(self, port):
        self.port, self.domain = port, f"{self.name}.test"
        self.address = ADDRESSES[self.domain]
        self.place = r.ROOT / "build" / "roots" / self.name
        self.process = None
        self.make()
        shutil.rmtree(self.mail, ignore_errors=True)
        self.start()

    def launch(self, *command, **options):
        with open(r.ROOT / "build" / "roots" / f"{self.name}.log", "w") as log:
            self.process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log,
                                            **options)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self):
        self.stop()

    def client(self):
        """A client of Python's, greeted."""
        kind = smtplib.LMTP if self.protocol == "lmtp" else smtplib.SMTP
        return kind(self.address, self.port, local_hostname="out.news.test", timeout=20)

    def listens(self):
        try:
            with socket.create_connection((self.address, self.port), timeout=2) as s:
                s.settimeout(5)
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def offers(self):
        """What it says to EHLO or LHLO: names of extensions."""
        with self.client() as client:
            client.ehlo()
            return {name.upper() for name in client.esmtp_features}

    def stored(self):
        """Maildir: names of new files."""
        try:
            return os.listdir(self.mail / "new")
        except FileNotFoundError:
            return []

    def messages(self):
        """Each stored message, with the server's own fields in it."""
        for name in self.stored():
            yield (self.mail / "new" / name).read_bytes()

    def letters(self):
        """(envelope sender, envelope recipient, message as it left) of all that is stored."""
        for message in self.messages():
            yield (envelope(message, SENDER), envelope(message, RECIPIENT), as_sent(message))

    def clear(self):
        for name in self.stored():
            (self.mail / "new" / name).unlink()


class Rooted(Server):
    """One in an overlay root, its Maildir in it."""

    protocol, package = "smtp", None

    def make(self):
        r.run(r.LIVE / "root.sh", "make", self.place, self.package)
        self.root = self.place / "root"
        self.mail = self.root / "var" / "mail" / "all"
        (self.root / "var" / "mail").chmod(0o1777)

    def write(self, path, text):
        (self.root / path).write_text(text.format(address=self.address, port=self.port))

    def inside(self, *command, check=True):
        return r.run(r.LIVE / "root.sh", "run", self.place, *command, check=check)

    def launch_inside(self, *command):
        self.launch(r.LIVE / "root.sh", "run", self.place, *command)

    def close(self):
        try:
            self.stop()
        finally:
            r.wait_for(lambda: r.run(r.LIVE / "root.sh", "close", self.place,
                                     check=False).returncode == 0, 15, 0.5)


class Postfix(Rooted):
    name = package = "postfix"
    settings = ""  # more lines of main.cf

    def start(self):
        etc = self.root / "etc" / "postfix"
        (etc / "main.cf").write_text(POSTFIX + self.settings)
        shutil.copy(self.root / "usr" / "share" / "postfix" / "master.cf.dist", etc / "master.cf")
        endpoint = f"{self.address}:{self.port}"
        self.inside("postconf", "-MX", "smtp/inet")
        self.inside("postconf", "-M", f"{endpoint}/inet={endpoint} inet n - n - 100 smtpd")
        self.inside("postconf", "-F", "*/*/chroot = n")
        self.inside("newaliases", check=False)
        self.inside("postfix", "stop", check=False)
        shutil.rmtree(self.root / "var" / "spool" / "postfix" / "active", ignore_errors=True)
        self.inside("postfix", "start")

    def stop(self):
        self.inside("postfix", "stop", check=False)


class Exim(Rooted):
    name, package = "exim", "exim4-daemon-light"

    def start(self):
        self.write("etc/exim4/exim4.conf", EXIM)
        # Where it looks by itself: with -C its own child processes would not trust the file.
        self.inside("sh", "-c", "rm -rf /var/spool/exim4/input && "
                    "mkdir -p /var/log/exim4 /run/exim4 && "
                    "chown Debian-exim /var/log/exim4 /run/exim4 /var/spool/exim4")
        self.launch_inside("/usr/sbin/exim4", "-bdf", "-q10s", "-oP", "/run/exim4/test.pid")


class OpenSmtpd(Rooted):
    """Offers no PIPELINING."""

    name = package = "opensmtpd"

    def start(self):
        self.write("etc/smtpd.conf", OPENSMTPD)
        self.inside("sh", "-c", "rm -rf /var/spool/smtpd/queue /run/smtpd.sock; "
                    "mkdir -p /var/empty")
        self.launch_inside("/usr/sbin/smtpd", "-d")


class Dovecot(Rooted):
    """LMTP: answers the end of data once for each recipient, and queues nothing."""

    name, package, protocol = "dovecot", "dovecot-lmtpd", "lmtp"

    def start(self):
        self.write("etc/dovecot/dovecot.conf", DOVECOT)
        self.write("etc/dovecot/others", "")
        self.inside("rm", "-f", "/run/dovecot/master.pid")
        self.launch_inside("/usr/sbin/dovecot", "-F")


class Aiosmtpd(Server):
    """Lines only, one at a time: no PIPELINING, no CHUNKING."""

    name, protocol = "aiosmtpd", "smtp"

    def make(self):
        self.mail = self.place / "mail"
        self.place.mkdir(parents=True, exist_ok=True)

    def start(self):
        self.launch(sys.executable, r.LIVE / "aiosmtpd_server.py", self.address, self.port,
                    self.mail)


class Haraka(Server):
    """Optional: there when npm can install it. PIPELINING, no CHUNKING."""

    name, protocol = "haraka", "smtp"

    @classmethod
    def why_not(cls):
        """None, or why it cannot be had here; installs it when it is not there yet."""
        place = r.ROOT / "build" / "roots" / "haraka"
        if not shutil.which("node") or not shutil.which("npm"):
            return "no node and npm here"
        if (place / "made").exists():
            return None
        place.mkdir(parents=True, exist_ok=True)
        try:
            r.run("npm", "install", "--prefix", place, "--no-audit", "--no-fund", "--omit=optional",
                  "--ignore-scripts", HARAKA, timeout=180)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            (place / "install.log").write_text(str(error))
            return "npm cannot install it"
        (place / "made").touch()
        return None

    def make(self):
        self.mail = self.place / "mail"
        shutil.rmtree(self.place / "server", ignore_errors=True)
        for name, text in HARAKA_FILES.items():
            path = self.place / "server" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(address=self.address, port=self.port))
        (self.place / "server" / "plugins").mkdir(exist_ok=True)
        shutil.copy(r.LIVE / "haraka_store.js", self.place / "server" / "plugins" / "store.js")

    def start(self):
        for part in ("tmp", "new"):
            (self.mail / part).mkdir(parents=True)
        self.launch("node", self.place / "node_modules" / "Haraka" / "bin" / "haraka",
                    "-c", self.place / "server", env=dict(os.environ, STORE=str(self.mail)))


def fields_of(head):
    return re.split(rb"\n(?![ \t])", head)


def name_of(header_field):
    return header_field.split(b":")[0].lower()


def without(head, names):
    """A header without the fields of these names."""
    return b"\n".join(f for f in fields_of(head) if name_of(f) not in names)


def as_sent(message):
    """The message as it left: what the receiver has put on top is taken off, until the first
    field that is no trace, and what aiosmtpd has put behind the last one."""
    head, body = message.split(b"\n\n", 1)
    fields = fields_of(head)
    while fields and name_of(fields[0]) in TRACE:
        fields.pop(0)
    while fields and name_of(fields[-1]) in (b"x-peer", b"x-mailfrom", b"x-rcptto"):
        fields.pop()
    return b"\n".join(fields) + b"\n\n" + body


def field(message, name):
    found = re.search(rb"(?im)^" + name + rb":\s*(.*)$", message.split(b"\n\n", 1)[0])
    return found.group(1).strip().decode() if found else ""


def envelope(message, names):
    """What the server has noted of the envelope in the first of these fields that is there."""
    return next((text.strip("<>") for text in (field(message, n) for n in names) if text), "")


def message_id(message):
    return field(message, b"Message-ID")


def unlike_preview(rig, campaign, recipient, sent):
    """None, or how a message as it left differs from what `preview --raw` shows; its signatures
    are verified where it must have some."""
    head, body = sent.split(b"\n\n", 1)
    if rig.dkim_records:
        faults = rig.bad_signatures([sent.replace(b"\n", b"\r\n")])
        if faults:
            return f"{campaign} {recipient}: {faults[0]}"
    shown = subprocess.run(
        [rig.program, "preview", campaign, "--to", recipient, "--raw", "--unsigned"],
        capture_output=True, cwd=rig.place, env=dict(os.environ, RUNDBRIEF_CONFIG=str(
            rig.config))).stdout.replace(b"\r\n", b"\n")
    if without(head, (b"dkim-signature",)) + b"\n\n" + body != shown:
        return f"{campaign} {recipient}: is not what preview shows"
    return None
