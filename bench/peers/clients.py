"""Programs that send by themselves: Postfix's smtp-source and npm's nodemailer."""

import itertools
import json

import peer as p
from ours import MESSAGE_SIZE

_runs = itertools.count(1)


class SmtpSource(p.Rooted, p.Client):
    """Postfix's load generator: -d keeps connections, -l makes a body of a size. It renders
    nothing and stores nothing; all bodies are alike."""

    name, root_name = "smtp-source", "postfix"
    distinct = False

    def version(self):
        return f"Postfix {self.root.version('postfix')}"

    def command(self, sink, count):
        address, port = sink.address, sink.port
        return self.root.command("smtp-source", "-d", "-s", self.connections, "-m", count,
                                 "-l", MESSAGE_SIZE, "-N", "-f", "b@bounce.test", "-t", "r@site0.test",
                                 f"{address}:{port}")


class SmtpSourceFew(SmtpSource):
    """With so few connections it is at its cheapest; ours has as few."""

    name = "smtp-source, 10 connections"
    connections = ours_connections = 10


class Nodemailer(p.Client):
    """By its pool, the letter cut at its slots once; see nodemailer.js."""

    name = "nodemailer"
    held = False

    def why_not(self):
        return p.npm_why_not()

    def version(self):
        return p.npm_version("nodemailer")

    def command(self, sink, count):
        address, port = sink.address, sink.port
        letter, _, key = self.ours.letter(MESSAGE_SIZE), *self.ours.keys["rsa"]
        job = {"modules": str(p.NODE / "node_modules"), "run": f"n{next(_runs)}",
               "host": address, "port": port, "connections": self.connections,
               "list": str(self.ours.csv(count)), "subject": "Hello {{ first_name }}",
               "html": letter.html, "text": letter.text, "held": self.held}
        if self.signed:
            job |= {name: key[name] for name in ("key", "domain", "selector")}
        path = self.place / "job.json"
        path.write_text(json.dumps(job))
        return ["node", p.HERE / "nodemailer.js", path]


class NodemailerSigned(Nodemailer):
    name = "nodemailer, DKIM"
    signed = True


class NodemailerHeld(NodemailerSigned):
    """Not in its manual: the key is parsed once."""

    name = "nodemailer, DKIM, parsed key"
    held = True
