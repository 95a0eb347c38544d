"""listmonk, for machines that have it: the one peer that does what we do, a campaign from
PostgreSQL. It has a database of its own in our cluster, so both have the same; what PostgreSQL does
for it is part of its cost. It signs nothing."""

import contextlib
import csv
import json
import os
import re
import shutil
import socket

import measure
import peer as p
import rig as r
from ours import MESSAGE_SIZE
from tree import Tree

CONFIG = """
[app]
address = "127.0.0.1:{port}"
[db]
host = "{host}"
port = 5432
user = "postgres"
password = ""
database = "{database}"
ssl_mode = "disable"
max_open = 25
max_idle = 25
max_lifetime = "300s"
"""

SLOTS = {"email": ".Subscriber.Email", "unsubscribe_url": "UnsubscribeURL"}


def template(text):
    """Our slots as Go's."""
    return re.sub(r"\{\{ (\w+) \}\}", lambda slot: "{{ " + SLOTS.get(
        slot[1], ".Subscriber.Attribs." + slot[1]) + " }}", text)


def quoted(text):
    return "$quoted$" + text + "$quoted$"


class Listmonk(p.Relay):
    name = "listmonk"
    runs = 0

    def __init__(self, ours):
        super().__init__(ours)
        self.program = shutil.which(os.environ.get("LISTMONK", "listmonk"))
        # Where the program is not one file: the folder its queries and templates lie in.
        self.folder = os.environ.get("LISTMONK_FOLDER", self.place)

    def why_not(self):
        if not self.program:
            return "not on this machine (listmonk in PATH, or LISTMONK=FILE)"
        return None if os.geteuid() == 0 else "a tree of its own needs root"

    def version(self):
        return r.run(self.program, "--version").stdout.strip()

    def sql(self, *statements):
        """In one transaction, unless it is one statement."""
        conninfo = re.sub(r"dbname=\S+", f"dbname={self.database}", self.ours.rig.conninfo)
        script = self.place / "statements.sql"
        script.write_text(";\n".join(statements) + ";\n")
        r.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *(["-1"] if len(statements) > 1 else []),
              conninfo, "-f", script)

    def setting(self, key, value):
        return (f"update settings set value = {quoted(json.dumps(value))}::jsonb "
                f"where key = '{key}'")

    def subscribers(self, count):
        with open(self.ours.csv(count), newline="") as f:
            for row in csv.DictReader(f):
                email = row.pop("email")
                yield f"('{email}', '{row['first_name']}', '{json.dumps(row)}'::jsonb)"

    def start(self, sink):
        """Installed afresh, with its list; nothing is sent until give()."""
        Listmonk.runs += 1
        self.database = f"listmonk{self.runs}"
        self.ours.rig.sql(f"create database {self.database}")
        config = self.place / "config.toml"
        config.write_text(CONFIG.format(
            port=self.port, database=self.database,
            host=re.search(r"host=(\S+)", self.ours.rig.conninfo)[1]))
        command = [self.program, "--config", config]
        r.run(*command, "--install", "--yes", cwd=self.folder)
        server = {"enabled": True, "host": sink.address, "port": sink.port, "auth_protocol": "none",
                  "username": "", "password": "", "hello_hostname": "out.news.test",
                  "max_conns": self.connections, "idle_timeout": "15s", "wait_timeout": "5s",
                  "max_msg_retries": 2, "tls_type": "none", "tls_enabled": False,
                  "tls_skip_verify": True, "email_headers": [], "uuid": "", "name": ""}
        self.sql(self.setting("smtp", [server]), self.setting("app.concurrency", self.connections),
                 self.setting("app.message_rate", 1000000), self.setting("app.batch_size", 5000),
                 self.setting("app.check_updates", False),
                 "delete from campaigns", "delete from subscribers",
                 "update templates set body = '{{ template \"content\" . }}' where is_default")
        return Tree(command, self.log, cwd=self.folder)

    def greets(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
            return True
        except OSError:
            return False

    def load(self, count):
        """The list: an import is no part of the sending, here or with us."""
        rows = ",\n".join(self.subscribers(count))
        self.sql("insert into subscribers (uuid, email, name, attribs) select gen_random_uuid(), "
                 f"email, name, attribs from (values {rows}) as list(email, name, attribs)",
                 "insert into subscriber_lists (subscriber_id, list_id, status) "
                 "select id, (select min(id) from lists), 'confirmed' from subscribers")
        self.sql("vacuum analyze")

    def give(self, count, meter):
        """A campaign that is to run; listmonk looks for one every few seconds."""
        letter = self.ours.letter(MESSAGE_SIZE)
        self.sql(
            "insert into campaigns (uuid, name, subject, from_email, body, altbody, "
            "content_type, status, messenger, template_id) select gen_random_uuid(), 'bench', "
            f"{quoted(template('Hello {{ first_name }}'))}, 'News <news@news.test>', "
            f"{quoted(template(letter.html))}, {quoted(template(letter.text))}, 'html', "
            "'draft', 'email', (select id from templates where is_default)",
            "insert into campaign_lists (campaign_id, list_id, list_name) "
            "select max(campaigns.id), min(lists.id), 'list' from campaigns, lists",
            "update campaigns set status = 'running'")
        return contextlib.nullcontext()

    def database_cpu(self):
        """All of PostgreSQL, with what a checkpoint costs."""
        self.ours.rig.sql("checkpoint")
        pid = self.ours.postmaster
        return sum(map(measure.cpu_of, measure.tree([pid])))
