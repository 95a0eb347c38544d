"""What befalls engines and databases in the tests of exactness, and what a sink can testify.

Events reads a sink's --log-events: which transactions were under way when something was killed,
what started when, which connections were open. Tail follows a growing log. kill_database() ends
PostgreSQL as a power cut of its process would. equation() is the promise of a campaign, counted
at the sink and in the database."""

import bisect
import collections
import os
import signal
import subprocess
import time

import rig as r

REPLY_ON_ITS_WAY = 0.25  # seconds in which an engine has surely written down what it was told
POLICIES = ("retry", "assume")


class Tail:
    """Counts the lines of a file that grows, and keeps them when asked to."""

    def __init__(self, path):
        path.touch()
        self.file, self.count, self.torn, self.last = open(path, "rb"), 0, b"", b""

    def lines(self):
        """Those that have come since the last call."""
        *whole, self.torn = (self.torn + self.file.read()).split(b"\n")
        self.count += len(whole)
        self.last = whole[-1] if whole else self.last
        return whole

    def so_far(self):
        self.lines()
        return self.count


class Transaction:
    __slots__ = ("connection", "mail", "dot", "reply", "code", "recipients", "peer", "closed")

    def __init__(self, connection, mail, dot, reply, code, recipients):
        self.connection, self.code = connection, int(code)
        self.mail, self.dot, self.reply = (int(t) / 1e6 for t in (mail, dot, reply))
        self.recipients = recipients.split(",")
        self.peer, self.closed = None, float("inf")

    def answered(self, at):
        """Seconds since its reply was sent; 0: it was not."""
        return max(0.0, at - self.reply) if self.reply else 0.0


class Connection:
    __slots__ = ("opened", "peer", "listener", "closed", "transactions")

    def __init__(self, opened, peer, listener):
        self.opened, self.peer, self.listener = int(opened) / 1e6, peer, listener
        self.closed, self.transactions = float("inf"), []

    def under_way(self, at, lately=0.0):
        """Transactions whose reply had not been sent then, or only just so. What the client had
        sent already and the sink came to read later is among them."""
        return [t for t in self.transactions if t.reply == 0 or t.reply >= at - lately]


class Events:
    """A sink's word for everything; times are those of time.monotonic()."""

    def __init__(self, path):
        self.connections, self.transactions = {}, []
        with open(path) as f:
            for line in f:
                kind, number, *rest = line.rstrip("\n").split("\t")
                if kind == "open":
                    self.connections[number] = Connection(*rest)
                elif kind == "close":
                    self.connections[number].closed = int(rest[0]) / 1e6
                else:
                    self.transactions.append(Transaction(number, *rest))
        for t in self.transactions:
            c = self.connections[t.connection]
            t.peer, t.closed = c.peer, c.closed
            c.transactions.append(t)
        self.transactions.sort(key=lambda t: t.mail)
        self.starts = [t.mail for t in self.transactions]
        self.in_order = sorted(self.connections.values(), key=lambda c: c.opened)
        self.openings = [c.opened for c in self.in_order]

    def between(self, since, until):
        """Transactions that began then."""
        return self.transactions[bisect.bisect_left(self.starts, since):
                                 bisect.bisect_left(self.starts, until)]

    def open_at(self, at, since, peers=None):
        """Connections that were open then, of those that had been opened since."""
        some = self.in_order[bisect.bisect_left(self.openings, since):
                             bisect.bisect_right(self.openings, at)]
        return [c for c in some if c.closed >= at and (peers is None or c.peer in peers)]

    def first_message(self, since, peers=None):
        """Of the connections that were opened since."""
        for c in self.in_order[bisect.bisect_left(self.openings, since):]:
            if c.transactions and (peers is None or c.peer in peers):
                return c.transactions[0].mail
        return float("inf")


def open_everywhere(tree):
    """All processes below one, itself first."""
    found = [tree]
    for pid in found:
        found += r.children_of(pid)
    return found


def kill_database(rig):
    """The postmaster and all its processes at once, without a word; returns when they are gone.
    The postmaster is stopped first, so that it starts no child meanwhile."""
    pid = rig.database_pid
    os.kill(pid, signal.SIGSTOP)
    victims = open_everywhere(pid)
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if not r.wait_for(lambda: not any(alive(v) for v in victims), 20, 0.01):
        raise RuntimeError("PostgreSQL survives SIGKILL")


def alive(pid):
    """Also one whose parent has not taken note yet: pg_ctl takes that for a server that runs."""
    return os.path.exists(f"/proc/{pid}")


def restart_database(rig):
    """Crash recovery included."""
    rig.start_database_again()
    rig.database_pid = rig.postmaster()


def in_doubt(rig, name):
    """Rows of attempts that ended in doubt, and whoever stands so at the end."""
    attempts = rig.rows(name, "--attempts", "--verdict", "in-doubt")
    standing = {row["email"] for row in rig.rows(name, "--verdict", "in-doubt")}
    return attempts, standing


class Outcome:
    """What came of a campaign, by the sink's log and by the database."""

    def __init__(self, rig, name, everybody, taken):
        """taken: (recipient, Message-ID) of each message that the sink took."""
        self.name, self.everybody = name, everybody
        self.got = collections.Counter(address for address, _ in taken)
        self.message_ids = {i for _, i in taken}
        self.twice = {address for address, times in self.got.items() if times > 1}
        self.extra = sum(self.got.values()) - len(self.got)
        self.missing = everybody - set(self.got)
        self.doubts, self.standing = in_doubt(rig, name)
        self.listed = {row["email"] for row in self.doubts}
        self.report = rig.report(name)
        self.delivered = {row["email"] for row in rig.rows(name, "--verdict", "delivered")}

    def say(self):
        print(f"        {self.name}: {len(self.everybody)} targeted, {len(self.got)} reached, "
              f"{len(self.missing)} missing, {len(self.twice)} twice, {len(self.doubts)} listed in "
              f"doubt, {len(self.standing)} so at the end", flush=True)


def equation(checks, o, policy, suppressed=frozenset(), failed=frozenset(), cut=frozenset()):
    """Everyone has one verdict, and whatever is not sure is listed by name. suppressed, failed:
    whom the sink need not have met, or has refused. cut: whose servers end connections amid
    several messages: those behind the first are tried again under either policy, and listed."""
    name, report = o.name, o.report
    others = set(suppressed) | set(failed)
    checks.check(set(o.got) <= o.everybody, f"{name}: nobody else was written to")
    missing = o.missing - others
    if policy == "retry":
        checks.equal(len(missing), 0, f"{name}: missing at the sink")
        checks.check(o.twice <= o.listed, f"{name}: each of the {len(o.twice)} who got it twice "
                                          "is listed as in doubt")
        checks.check(o.extra <= len(o.doubts), f"{name}: {o.extra} copies too many, "
                                               f"{len(o.doubts)} attempts in doubt")
        checks.equal(len(o.message_ids), len(o.got), f"{name}: a second copy has the Message-ID "
                                                     "of the first")
    else:
        checks.equal(len(o.twice - cut), 0, f"{name}: got it twice")
        checks.check(o.twice & cut <= o.listed, f"{name}: each of {len(o.twice & cut)} whose server "
                                                "cut a connection and who got it twice is listed")
        checks.check(missing <= o.listed, f"{name}: each of the {len(missing)} missing is "
                                          "listed as in doubt")
    endings = ["delivered", "failed", "in_doubt", "suppressed", "cancelled"]
    checks.check(report["holds"] and report["open"] == 0 and report["fully_cut"] and
                 len(o.everybody) == report["targeted"] == sum(report[e] for e in endings),
                 f"{name}: {len(o.everybody)} = " +
                 " + ".join(f"{e} {report[e]}" for e in endings if report[e]))
    checks.check(o.delivered <= set(o.got),
                 f"{name}: all {len(o.delivered)} delivered are at the sink")
    checks.equal(len(o.delivered), report["delivered"], f"{name}: rows behind delivered")
    checks.check(not o.delivered & o.standing, f"{name}: nobody has two verdicts")
