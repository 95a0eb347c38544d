"""Mail servers as relays: they take each message, keep it on their disk, and hand it on to the sink.
All keep what they keep by default on the disk of this machine, synced as they do by default."""

import os
import shutil

import peer as p
from tree import Tree

POSTFIX = """
compatibility_level = 3.6
myhostname = relay.peers.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtp_dns_support_level = disabled
relayhost = [{address}]:{port}
smtp_destination_concurrency_limit = {connections}
initial_destination_concurrency = {connections}
smtp_connection_cache_destinations = {address}
smtp_connection_reuse_time_limit = 3600s
maillog_file = /var/log/postfix.log
"""

MILTER = """
smtpd_milters = unix:/run/opendkim/peers.sock
milter_default_action = tempfail
"""

OPENDKIM = """
Syslog no
UserID opendkim
Mode s
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
Domain news.test
Selector rsa
KeyFile /etc/dkimkeys/peers.pem
OversignHeaders From
Socket local:/run/opendkim/peers.sock
UMask 000
PidFile /run/opendkim/peers.pid
"""


class Postfix(p.Rooted, p.Relay):
    name, root_name = "Postfix", "postfix"
    connections = 20

    def version(self):
        return self.root.version("postfix")

    def settings(self, sink):
        address, port = sink.address, sink.port
        return POSTFIX.format(address=address, port=port, connections=self.connections)

    def configure(self, sink):
        root, port = self.root, self.port
        root.write("etc/postfix/main.cf", self.settings(sink))
        shutil.copy(root.root / "usr/share/postfix/master.cf.dist",
                    root.root / "etc/postfix/master.cf")
        root.inside("sh", "-euc", f"""
            postconf -MX smtp/inet
            postconf -M 127.0.0.1:{port}/inet='127.0.0.1:{port} inet n - n - - smtpd'
            postconf -F '*/*/chroot = n'
            cd /var/spool/postfix
            rm -rf active bounce corrupt defer deferred flush hold incoming maildrop saved
            rm -f pid/* /var/lib/postfix/master.lock /var/log/postfix.log""")

    def start(self, sink):
        self.configure(sink)
        return Tree(self.root.command("postfix", "start-fg"), self.log)

    def last_words(self):
        log = self.root.root / "var/log/postfix.log"
        return super().last_words() + (log.read_text()[-400:] if log.exists() else "")


class PostfixOpenDkim(Postfix):
    """OpenDKIM signs as a milter of smtpd, by a unix socket."""

    name = "Postfix + OpenDKIM"
    signed = True

    def version(self):
        return f"{super().version()} + {self.root.version('opendkim')}"

    def settings(self, sink):
        return super().settings(sink) + MILTER

    def start(self, sink):
        self.configure(sink)
        self.root.write("etc/opendkim-peers.conf", OPENDKIM)
        self.root.write("etc/dkimkeys/peers.pem", self.ours.key_text(), 0o600)
        return Tree(self.root.command("sh", "-euc", """
            mkdir -p /run/opendkim
            chmod 755 /run/opendkim
            chown opendkim /run/opendkim /etc/dkimkeys /etc/dkimkeys/peers.pem
            rm -f /run/opendkim/*
            opendkim -f -x /etc/opendkim-peers.conf &
            for i in $(seq 100); do [ -S /run/opendkim/peers.sock ] && break; sleep 0.1; done
            exec postfix start-fg"""), self.log)


OPENSMTPD = """
smtp limit max-mails 1000000
mta limit session-mail-max 1000000
mta limit max-conn-per-route 10
mta limit conn-delay-route 0
mta limit conn-delay-relay 0
mta limit conn-delay-domain 0
listen on 127.0.0.1 port {own} hostname relay.peers.test
action onward relay host smtp://{address}:{port} helo relay.peers.test
match from any for any action onward
"""


class OpenSmtpd(p.Rooted, p.Relay):
    """Its relay keeps to five connections a route; it has no setting that the manual names."""

    name, root_name = "OpenSMTPD", "opensmtpd"
    connections = 10

    def version(self):
        return self.root.version("opensmtpd")

    def start(self, sink):
        self.root.write("etc/smtpd.conf",
                        OPENSMTPD.format(own=self.port, address=sink.address, port=sink.port))
        self.root.inside("sh", "-c", "rm -rf /var/spool/smtpd/* /run/smtpd.sock;"
                         "mkdir -p /var/empty")
        return Tree(self.root.command("smtpd", "-d"), self.log)


HARAKA = {
    "config/smtp.ini": "listen=127.0.0.1:{own}\nnodes=0\n",
    "config/plugins": "onward\n",
    "config/me": "relay.peers.test\n",
    # All that its code takes for granted: newer haraka-config leaves the shipped file aside.
    "config/connection.ini": "[main]\n[haproxy]\nhosts[]=192.0.2.1\n[headers]\nmax_lines=1000\n"
                             "max_received=100\n[max]\nbytes=26214400\nmime_parts=1000\n"
                             "line_length=512\ndata_line_length=992\n[message]\n[uuid]\n"
                             "banner_chars=6\ndeny_chars=0\n",
    "config/outbound.ini": "concurrency_max=100\nenable_tls=false\nlocal_mx_ok=true\n",
    "config/log.ini": "[main]\nlevel=NOTICE\n",
    "plugins/onward.js": """'use strict';
exports.hook_rcpt = (next, connection) => {{
	connection.relaying = true;
	next(OK);
}};
exports.hook_get_mx = (next) =>
	next(OK, {{ exchange: '{address}', port: {port}, priority: 0 }});
""",
}


class Haraka(p.Relay):
    """Its outbound queue; version 3 opens a connection for every message."""

    name = "Haraka"

    def why_not(self):
        return p.npm_why_not() or (None if os.geteuid() == 0 else "a tree of its own needs root")

    def version(self):
        return p.npm_version("Haraka")

    def start(self, sink):
        server = self.place / "server"
        shutil.rmtree(server, ignore_errors=True)
        (server / "queue").mkdir(parents=True)
        for name, text in HARAKA.items():
            (server / name).parent.mkdir(exist_ok=True)
            (server / name).write_text(
                text.format(own=self.port, address=sink.address, port=sink.port))
        return Tree(["node", p.NODE / "node_modules" / "Haraka" / "bin" / "haraka", "-c", server],
                    self.log)


KUMOMTA = """
local kumo = require 'kumo'
kumo.on('init', function()
  -- Newer ones keep accounts; where they would lie otherwise does not matter in a root.
  if kumo.configure_accounting_db_path then
    kumo.configure_accounting_db_path '/var/spool/peers/accounting.db'
  end
  kumo.define_spool {{ name = 'data', path = '/var/spool/peers/data', kind = 'RocksDB' }}
  kumo.define_spool {{ name = 'meta', path = '/var/spool/peers/meta', kind = 'RocksDB' }}
  kumo.configure_local_logs {{ log_dir = '/var/spool/peers/log' }}
  kumo.start_esmtp_listener {{
    listen = '127.0.0.1:{own}',
    hostname = 'relay.peers.test',
    relay_hosts = {{ '127.0.0.0/8' }},
    max_messages_per_connection = 1000000,
  }}
end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config {{
    protocol = {{ smtp = {{ mx_list = {{ {{ name = 'sink', addr = '{address}' }} }} }} }},
  }}
end)
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path {{
    smtp_port = {port},
    enable_tls = 'Disabled',
    connection_limit = {connections},
    max_deliveries_per_connection = 1000000,
    max_ready = 20000,
    prohibited_hosts = {{}},
  }}
end)
kumo.on('smtp_server_message_received', function(message)
  {signing}
end)
"""

KUMOMTA_SIGNING = """message:dkim_sign(kumo.dkim.rsa_sha256_signer {
    domain = 'news.test',
    selector = 'rsa',
    headers = { 'From', 'To', 'Subject', 'Date', 'Message-ID', 'List-Unsubscribe', 'List-Id' },
    key = '/etc/peers.pem',
  })"""


class KumoMta(p.Rooted, p.Relay):
    """For machines that have it: in an overlay over them, so that its files are its own."""

    name, root_name = "KumoMTA", "machine"
    program = "/opt/kumomta/sbin/kumod"

    def why_not(self):
        if not os.path.exists(self.program):
            return f"not on this machine ({self.program})"
        return self.root.why_not()

    def version(self):
        return self.root.inside(self.program, "--version").strip()

    def start(self, sink):
        root = self.root
        root.write("etc/peers.lua", KUMOMTA.format(
            own=self.port, address=sink.address, port=sink.port, connections=self.connections,
            signing=KUMOMTA_SIGNING if self.signed else ""))
        root.write("etc/peers.pem", self.ours.key_text())
        root.inside("sh", "-euc", "rm -rf /var/spool/peers; mkdir -p /var/spool/peers/log;"
                    "chown -R nobody /var/spool/peers")
        return Tree(root.command(self.program, "--user", "nobody", "--policy", "/etc/peers.lua"),
                    self.log)


class KumoMtaSigned(KumoMta):
    name = "KumoMTA, DKIM"
    signed = True
