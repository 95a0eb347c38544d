"""A scene: one campaign with a configuration, a list and an engine of its own, on a shared rig.

Several may play at once, each in a thread. Recipients are NAME1@..., NAME2@..., so that one sink
can take the mail of all scenes and each still knows its own. Not here: servers, and what is
claimed."""

import copy
import re
import signal
import subprocess

import rig as r

LIMITS = {"connections": 4, "messages_per_connection": 0, "message_rate": "1000000/s",
          "connection_rate": "10000/s"}


class Scene:
    """before: a command that runs the engine elsewhere, in a network namespace say; letter: keys
    of campaign.conf; emails: in place of count and domains; changes: as Rig.settings() takes
    them."""

    def __init__(self, rig, checks, name, count=30, domains=("people.test",), before=(), port=25,
                 letter=None, emails=None, **changes):
        self.checks, self.name, self.count, self.before = checks, name, count, before
        self.rig = copy.copy(rig)
        self.rig.place = rig.place / ("scene-" + name)
        self.rig.place.mkdir(exist_ok=True)
        # Several engines at once: each has a source of its own, or the second would wait for it.
        changes = {"default_limits": LIMITS, "source": [(name, {"helo": "out.news.test"})],
                   **changes,
                   "engine": {"name": name, "journal": str(self.rig.place / "journal")}}
        self.settings = rig.settings(port, **changes)
        self.rig.configure(**self.settings)
        path = self.rig.place / "list.csv"
        emails = emails or [f"{name}{i}@{domains[i % len(domains)]}" for i in range(count)]
        path.write_text("email,first_name\n" + "".join(f"{e},Zoë\n" for e in emails))
        self.rig.command("import", path, "--list", name)
        folder = self.rig.campaign(name, text="Dear {{ first_name }}\n", lists=[name],
                                   **(letter or {}))
        self.rig.command("campaign", "create", folder)

    def secret(self, name, text):
        return secret(self.rig.place, name, text)

    def start(self, *options):
        with open(self.rig.place / "err", "a") as err:
            self.process = self.rig.popen("send", self.name, *options,
                                          before=self.before, stderr=err)
        return self.process

    def said(self):
        return (self.rig.place / "err").read_text()

    def errors(self, event):
        """Lines of one kind on standard error."""
        return [line for line in self.said().splitlines() if event in line]

    def report(self):
        return self.rig.report(self.name)

    def rows(self, *filters):
        return self.rig.rows(self.name, *filters)

    def got(self, log, listener=None):
        """Whom a sink with --log-recipients has taken mail for, of this scene; all, or by one
        of its addresses."""
        mine = re.compile(re.escape(self.name) + r"\d+@")
        lines = [line.split("\t") for line in log.read_text().splitlines()] if log.exists() else []
        return [to for to, _, where in lines
                if mine.match(to) and (not listener or where.startswith(listener + ":"))]

    def ends(self, limit=60, in_doubt=0):
        """By itself, with every recipient delivered, but at most so many that are in doubt."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.rig.stop(self.process)
        report = self.report()
        return self.checks.check(
            self.process.returncode == 0 and report["holds"] and report["open"] == 0 and
            report["delivered"] + report["in_doubt"] == report["targeted"] == self.count and
            report["in_doubt"] <= in_doubt,
            f"{self.name}: {report['delivered']} of {self.count} delivered, {report['in_doubt']} "
            f"in doubt, exit {self.process.returncode}")

    def waits(self, count=None, limit=90):
        """As many have been deferred, and the engine goes on."""
        count = self.count if count is None else count
        return r.wait_for(lambda: self.report()["deferrals"] >= count or
                          self.process.poll() is not None, limit, 0.3) and \
            self.process.poll() is None

    def stop(self):
        """In order; nobody may have failed, who was not delivered is still to be. The report."""
        code, report = self.rig.stop(self.process, signal.SIGINT), self.report()
        self.checks.check(code == 5 and report["failed"] == 0 and report["in_doubt"] == 0 and
                          report["open"] + report["delivered"] == self.count,
                          f"{self.name}: stopped with exit {code}: {report['delivered']} delivered, "
                          f"{report['open']} wait, {report['failed']} failed")
        return report


def secret(place, name, text):
    """A file with a secret in one line, as the configuration wants them."""
    path = place / name
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return str(path)
