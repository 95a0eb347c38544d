"""The SMTP client against servers of six ancestries, in each mode that a server permits.

A campaign for each server and mode: one recipient in twenty is refused in the midst of the flow,
and a relay (relay.py) cuts connections now and then. Afterwards what is stored is what the report
calls delivered, and at most the recipients in doubt besides; each message once, under the sender
whose token names its recipient, and as `preview --raw` shows it. Then a campaign through a relay
that closes behind every 20th message without a word: nobody is lost, nobody fails, though the policy
is to assume that what is in doubt has arrived.

usage: test_servers.py [--divided] [MESSAGES [SERVER...]]
MESSAGES (60) for each campaign, or with --divided for each server, divided among its campaigns;
make show-servers: 10,000 for each server."""

import argparse
import collections
import concurrent.futures
import copy
import itertools
import json
import os
import subprocess
import time

import relay as rl
import rig as r
import servers as v

KINDS = (v.Postfix, v.Exim, v.OpenSmtpd, v.Dovecot, v.Aiosmtpd, v.Haraka)
# A pinned mode and the extensions without which it is not allowed; "learn" is the default.
MODES = {"learn": set(), "lockstep": set(), "group": {"PIPELINING"}, "next": {"PIPELINING"},
         "chunk": {"PIPELINING", "CHUNKING"}, "window": {"PIPELINING", "CHUNKING"}}
SHOWN_OFFERS = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8")
SMALL = 1000  # up to here servers are tried side by side; above, one after the other for its time
BODY = ("<html><body><p>Dear {{ first_name }},</p>\n" +
        "".join(f"<p>.{i} The roastery smells of cocoa and of oranges.</p>\n" for i in range(40)) +
        '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>\n')
TEXT = "Dear {{ first_name }},\n\n.\n..\n.two dots\n\n{{ unsubscribe_url }}\n"


class Lane:
    """One server, the relay before it, and a rundbrief with a configuration of its own."""

    def __init__(self, rig, server, count, port):
        self.server, self.count, self.port = server, count, port
        self.name = server.name
        self.rig = copy.copy(rig)
        self.rig.place = rig.place / self.name
        self.rig.place.mkdir()
        self.relay = "127.0.1." + server.address.rsplit(".", 1)[1]
        self.configure("learn", 4)
        self.rig.command("init")

    def people(self, name, mode, closing):
        """Imports the list of a campaign; (who is to get it, who is to be refused). The refused are
        others in each campaign: who was refused once is suppressed from then on."""
        bad = {} if closing else {i: f"bad{i}-{mode}" for i in range(10, self.count, 20)}
        path = self.rig.place / f"{name}.csv"
        path.write_text("email,first_name\n" + "".join(
            f"{bad.get(i, f'r{i}')}@{self.server.domain},Zoë {i}\n" for i in range(self.count)))
        self.rig.command("import", path, "--list", name)
        refused = {f"{local}@{self.server.domain}" for local in bad.values()}
        return {f"r{i}@{self.server.domain}" for i in range(self.count) if i not in bad}, refused

    def configure(self, mode, connections):
        limits = {"connections": connections, "messages_per_connection": 100,
                  "message_rate": "1000000/s", "connection_rate": "10000/s"}
        if mode != "learn":
            limits |= {"flight": mode, "window": 16}
        changes = {"default_limits": limits, "engine": {"name": self.name}}
        if self.server.protocol == "lmtp":
            changes["relay"] = [(self.name, {"host": self.relay, "port": self.port,
                                             "protocol": "lmtp", "tls": "none"})]
            changes["route"] = [(self.server.domain, {"relays": [self.name]})]
        settings = self.rig.settings(self.port, **changes)
        settings["engine"]["journal"] = str(self.rig.place / "journal")
        self.rig.configure(**settings)

    def run(self, mode, scene):
        """One campaign; returns its row of the table."""
        closing = scene == "close-20"
        self.server.clear()
        self.configure(mode, 2 if closing else 4)
        relay = rl.Cutter(self.relay, self.port, (self.server.address, self.server.port),
                          **({"close_after": 20} if closing else {"every": 2}))
        name = f"{self.name}-{mode}-{scene}"
        row = {"server": self.name, "mode": mode, "scene": scene, "faults": []}
        good, bad = self.people(name, mode, closing)
        try:
            self.rig.campaign(name, html=BODY, text=TEXT, subject="{{ first_name }}: " + name,
                              lists=[name], in_doubt="assume")
            began = time.monotonic()
            try:
                self.rig.command("send", self.rig.place / name, "--quiet",
                                 timeout=60 + self.count / 2)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                row["faults"].append(f"send: {str(error)[-300:]}")
            row["seconds"] = time.monotonic() - began
        finally:
            relay.close()
        row["cuts"], row["connections"] = relay.cuts, relay.connections
        self.judge(name, row, good, bad)
        return row

    def judge(self, name, row, good, bad):
        report, faults, closing = self.rig.report(name), row["faults"], not bad
        said = collections.defaultdict(set)
        for line in self.rig.rows(name):
            said[line["verdict"]].add(line["email"])
        delivered, failed, doubtful = said["delivered"], said["failed"], said["in-doubt"]
        listed = doubtful | {line["email"] for line in
                             self.rig.rows(name, "--attempts", "--verdict", "in-doubt")}
        stored, senders = self.read_back(name, delivered, faults)
        row |= {"delivered": len(delivered), "failed": len(failed), "in_doubt": len(listed),
                "stored": sum(stored.values())}
        expect(faults, report["holds"] and report["open"] == 0 and
               report["targeted"] == len(good | bad), "the report does not add up")
        expect(faults, failed <= bad, f"failed without being refused: {some(failed - bad)}")
        expect(faults, bad <= failed | doubtful, f"refused, but: {some(bad - failed - doubtful)}")
        expect(faults, delivered <= set(stored), "delivered, but not stored: "
               f"{some(delivered - set(stored))}")
        expect(faults, set(stored) <= delivered | listed, "stored, but neither delivered nor in "
               f"doubt: {some(set(stored) - delivered - listed)}")
        twice = {email for email, times in stored.items() if times > 1}
        # Of several under way the policy speaks for the first; those behind it are tried again.
        allowed = listed if row["mode"] in ("window", "learn") else set()
        expect(faults, twice <= allowed, f"stored twice: {some(twice - allowed)}")
        expect(faults, not closing or good <= set(stored), f"lost: {some(good - set(stored))}")
        expect(faults, len(set(senders.values())) == len(senders), "a sender for two recipients")
        expect(faults, row["cuts"] > 0, "the relay has not ended any connection")

    def read_back(self, name, delivered, faults):
        """(how often each recipient's message is stored, its sender); looks at each message."""
        self.settle(len(delivered))
        [[campaign]] = self.rig.sql(f"select id from campaigns where name = '{name}'")
        people = {email: int(key) for key, email in self.rig.sql(
            f"select id, address from subscribers where domain = '{self.server.domain}'")}
        stored, senders, unlike = collections.Counter(), {}, None
        step = max(1, self.count // 30)
        for index, (sender, recipient, message) in enumerate(self.server.letters()):
            stored[recipient] += 1
            letter_to = v.field(message, b"To").strip("<>")
            expect(faults, letter_to == recipient, f"{recipient} got the letter to {letter_to}")
            expect(faults, "b-" + v.message_id(message).strip("<>") == sender and
                   senders.setdefault(recipient, sender) == sender,
                   f"{recipient} has two senders: {sender}")
            if index % step == 0 and not unlike:
                unlike = v.unlike_preview(self.rig, name, recipient, message)
        named = who_are(self.rig, senders.values())
        for recipient, sender in senders.items():
            expect(faults, named.get(token_of(sender)) == (1, int(campaign), people.get(recipient)),
                   f"{recipient} has the sender of another: {sender}")
        expect(faults, not unlike, unlike)
        return stored, senders

    def settle(self, wanted):
        """Waits until as many are stored as must be, and no more come."""
        r.wait_for(lambda: len(self.server.stored()) >= wanted, 20 + self.count / 50, 0.2)
        before = -1
        while before != (before := len(self.server.stored())):
            time.sleep(0.7)


def token_of(sender):
    return sender.removeprefix("b-").split("@")[0].lower()


def who_are(rig, senders):
    """{token: (tenant, campaign, subscriber)} of those that rundbrief takes for its own."""
    told = rig.command("token", "-", "--json", check=False, input="\n".join(senders)).stdout
    return {row["token"].lower(): (row["tenant"], row["campaign_id"], row["subscriber_id"])
            for row in json.loads(told)}


def expect(faults, holds, claim):
    if not holds and claim not in faults:
        faults.append(claim)


def some(emails):
    return ", ".join(sorted(emails)[:3]) + (f" and {len(emails) - 3} more" if len(emails) > 3
                                            else "")


def greets_and_refuses(server):
    """The server by itself, without rundbrief: takes one, refuses one, stores one. Returns what it
    offers."""
    if not r.wait_for(server.listens, 20):
        raise RuntimeError(f"{server.name} does not listen")
    with server.client() as client:
        refused = client.sendmail("b-probe@bounce.test",
                                  [f"probe@{server.domain}", f"bad@{server.domain}"],
                                  b"Message-ID: <probe@bounce.test>\r\n\r\n.\r\nprobe\r\n")
    r.wait_for(server.stored, 20)
    letters = list(server.letters())
    whole = [(sender, recipient) for sender, recipient, message in letters
             if message.endswith(b"\n\n.\nprobe\n")]
    code = refused.get(f"bad@{server.domain}", (0,))[0]
    if whole != [("b-probe@bounce.test", f"probe@{server.domain}")] or code // 100 != 5:
        raise RuntimeError(f"{server.name} stores {letters}, refuses {refused}")
    return server.offers()


def start_servers(checks, wanted):
    """The servers that can be had here: ({server: what it offers}, all that were started)."""
    offers, started = {}, []
    for kind in KINDS:
        if wanted and kind.name not in wanted:
            continue
        if issubclass(kind, v.Rooted) and os.geteuid() != 0:
            checks.skip(f"{kind.name} in a root of its own: needs root")
            continue
        if kind is v.Haraka and (why := kind.why_not()):
            checks.skip(f"haraka: {why}")
            continue
        started.append(kind(r.free_port()))
    for server in started:
        try:
            offers[server] = greets_and_refuses(server)
            checks.check(True, f"{server.name} takes, refuses and stores; offers "
                         f"{' '.join(sorted(offers[server]))}")
        except (RuntimeError, OSError) as error:
            checks.check(False, f"{server.name}: {error}")
    return offers, started


def tasks_of(offered, modes, thorough):
    """(mode, scene) of all campaigns to one server. Of the modes that it does not offer the boldest
    is tried too: the engine must fall back by itself."""
    fit = [mode for mode in modes if MODES[mode] <= offered]
    tasks = [(mode, "cuts") for mode in fit]
    if "window" in modes and "window" not in fit:
        tasks.append(("window", "unoffered"))
    return tasks + [(mode, "close-20") for mode in (fit if thorough else ["learn"])]


def show(rows, offers):
    titles = ("server", "mode", "scene", "offers", "stored", "refused", "in doubt", "connections",
              "dropped", "seconds", "verdict")
    table = [titles]
    for row in rows:
        offered = next(o for server, o in offers.items() if server.name == row["server"])
        table.append((row["server"], row["mode"], row["scene"],
                      ",".join(name for name in SHOWN_OFFERS if name in offered),
                      *(str(row[key]) for key in ("stored", "failed", "in_doubt", "connections",
                                                  "cuts")),
                      f"{row['seconds']:.1f}", "FAILED" if row["faults"] else "ok"))
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def try_all(rig, checks, offers, options):
    thorough, work = options.messages >= SMALL, {}
    keys, port, modes = r.known_keys(rig.program), r.free_port("127.0.1.2"), list(MODES)
    if "default_limits.flight" not in keys:
        for mode in modes[1:]:
            checks.skip(f"mode {mode}: this program has no key `flight`")
        modes = modes[:1]
    rig.start_database()
    rig.start_zone(r.mail_zone({server.domain: "127.0.1." + server.address.rsplit(".", 1)[1]
                                for server in offers}))
    for server, offered in offers.items():
        if server.protocol == "lmtp" and "relay.protocol" not in keys:
            checks.skip(f"{server.name}: this program has no section `relay`, so no LMTP")
            continue
        tasks = tasks_of(offered, modes, thorough)
        count = -(-options.messages // len(tasks)) if options.divided else options.messages
        work[Lane(rig, server, max(count, 60), port)] = tasks
    workers = 1 if thorough else max(1, len(work))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        rows = list(itertools.chain.from_iterable(pool.map(
            lambda item: [item[0].run(*task) for task in item[1]], work.items())))
    for row in rows:
        checks.check(not row["faults"], f"{row['server']} {row['mode']} {row['scene']}: "
                     f"{row['delivered']} delivered, {row['failed']} refused, {row['in_doubt']} in "
                     f"doubt, {row['stored']} stored" + "".join(f"; {f}" for f in
                                                                row["faults"][:6]))
    show(rows, offers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--divided", action="store_true", help="MESSAGES are for each server")
    parser.add_argument("messages", type=int, nargs="?", default=60)
    parser.add_argument("servers", nargs="*", help="names; all unless told")
    options = parser.parse_args()
    checks, rig, started = r.Checks(), r.Rig("servers"), []
    try:
        offers, started = start_servers(checks, options.servers)
        try_all(rig, checks, offers, options)
    finally:
        for server in started:
            server.close()
        rig.close()
    checks.end("servers")


if __name__ == "__main__":
    main()
