"""What the world does wrong: a database that goes away, DNS that says nothing, servers that hang
and drop, a full disk, broken lists, letters that cannot be rendered, values that want to be headers.
In each the campaign must end, add up, and nobody may be lost or mailed twice unlisted."""

import collections
import email
import email.policy
import json
import os
import re
import socket
import subprocess
import time

import rig as r

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}
SITES = list(DOMAINS.values())


class Scene:
    """A sink with its rules, a list of its own, a configuration; one campaign."""

    def __init__(self, rig, checks, name, count=300, listeners=SITES, sink=(), csv=None, **changes):
        self.rig, self.checks, self.name, self.count = rig, checks, name, count
        self.log = rig.place / f"{name}.log"
        self.mail = rig.place / f"{name}.mail"
        self.port, self.sink = rig.start_sink("--log-recipients", self.log, "--store",
                                              f"exact:{self.mail}", *sink, listeners=listeners)
        self.settings = rig.settings(self.port, **changes)
        rig.configure(**self.settings)
        path = rig.place / f"{name}.csv"
        if csv is None:
            r.subscribers_csv(path, count, [f"{name}-{d}" for d in DOMAINS])
            path.write_text(re.sub(rf"@{name}-", "@", path.read_text()))
        else:
            path.write_bytes(csv)
        rig.command("import", path, "--list", name, "--numbers")

    def campaign(self, text="Dear {{ first_name }}\n", **settings):
        self.rig.campaign(self.name, text=text, lists=[self.name], **settings)
        self.rig.command("campaign", "create", self.rig.place / self.name)

    def start(self):
        with open(self.rig.place / f"{self.name}.err", "w") as err:
            return self.rig.popen("send", self.name, "--quiet", stderr=err)

    def said(self):
        return (self.rig.place / f"{self.name}.err").read_text()

    def got(self):
        return [address for address, _ in r.logged_recipients(self.log)]

    def wait(self, process, limit):
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            self.checks.check(False, f"{self.name}: ends within {limit} s")
            self.rig.stop(process)
        self.checks.equal(process.returncode, 0, f"{self.name}: send ends with")

    def end(self, doubtful=False):
        """Adds up, and nobody twice; returns the report and who was listed in doubt."""
        report, got = self.rig.report(self.name), self.got()
        listed = {row["email"] for row in
                  self.rig.rows(self.name, "--attempts", "--verdict", "in-doubt")}
        twice = {a for a, n in collections.Counter(got).items() if n > 1}
        if doubtful:
            self.checks.check(twice <= listed, f"{self.name}: the {len(twice)} who got it twice "
                              f"are among {len(listed)} listed in doubt")
            self.checks.check(report["holds"] and report["open"] == 0,
                              f"{self.name}: {report['targeted']} = delivered "
                              f"{report['delivered']} + in doubt {report['in_doubt']} + failed "
                              f"{report['failed']}")
        else:
            self.checks.adds_up(report, self.count, len(got))
            self.checks.equal(len(twice), 0, f"{self.name}: got it twice")
        self.rig.stop(self.sink)
        return report, listed


def database_away(rig, checks):
    s = Scene(rig, checks, "database", 2000, default_limits={
        "message_rate": "150/s", "connections": 5, "messages_per_connection": 0,
        "connection_rate": "1000/s"})
    s.campaign()
    process = s.start()
    r.wait_for(lambda: len(s.got()) > 300, 20)
    rig.stop_database()
    at = len(s.got())
    time.sleep(3)
    checks.check(process.poll() is None, f"database: gone after {at}, the engine waits for it "
                 f"({len(s.got())} had been sent)")
    r.run(r.LIVE / "pg.sh", "start", rig.place / "pg", "--fast")
    s.wait(process, 60)
    report, _ = s.end()
    checks.equal(report["in_doubt"], 0, "database: in doubt")


# What was delivered alike comes as a pack, everything else as a row of its own.
REFUSE = """
create or replace function refuses() returns trigger language plpgsql as $$
declare
	people bigint[];
begin
	if tg_argv[0] = 'packs' then
		select array_agg(new.base_id + i) into people from unnest(new.ids) i;
	elsif new.cause <> 'set-aside' then
		people := array[new.subscriber_id];
	end if;
	if people && {who} then
		raise 'this is not for %' , people using errcode = '{state}'; end if;
	return new; end $$"""
REFUSE_AT = """; create trigger refuses before insert on delivery_rows for each row
	execute function refuses('rows'); create trigger refuses before insert on delivery_packs for each row
	execute function refuses('packs')"""


def outcome_refused(rig, checks):
    """A trigger refuses the outcomes of two among 300: whatever else comes of the campaign is
    settled, and nothing waits behind them; by the engine, and by the next start's recovery."""
    for name, killed in (("refused", False), ("recovered", True)):
        s = Scene(rig, checks, name, 300)
        s.campaign()
        two = [int(row[0]) for row in rig.sql(
            f"select x.subscriber_id from subscriptions x join lists l on l.id = x.list_id "
            f"where l.name = '{name}' order by 1 offset 100 limit 2")]
        of_two = f"array[{two[0]}, {two[1]}]::bigint[]"
        rig.sql(REFUSE.format(who="people" if killed else of_two,
                              state="55000" if killed else "23514") + REFUSE_AT)
        process = s.start()
        if killed:
            r.wait_for(lambda: len(s.got()) == 300, 30)
            process.kill()
            process.wait()
            rig.sql(REFUSE.format(who=of_two, state="23514"))
            process = s.start()
        s.wait(process, 60)
        rig.sql("drop trigger refuses on delivery_rows; drop trigger refuses on delivery_packs")
        said = s.said()
        checks.equal(said.count("outcome-set-aside"), 2, f"{name}: set aside, it says")
        checks.check(f"recipient={two[0]}" in said and "this is not for" in said,
                     f"{name}: whose, and what the database said")
        s.end()
        rows = [row for row in json.loads(rig.command("journal", "--aside", "--json").stdout)
                if row["campaign"] == name]
        checks.equal(sorted((row["recipient"], row["verdict"], row["code"]) for row in rows),
                     [(n, "delivered", 250) for n in two], f"{name}: listed whole")
        checks.check(all("this is not for" in row["why"] for row in rows), f"{name}: with the reason")


def renamed(rig, checks):
    """The journal of an engine that has another name now: it says which key, and loses nothing."""
    s = Scene(rig, checks, "renamed", 300, default_limits={"message_rate": "100/s"},
              engine={"name": "before", "journal": str(rig.place / "renamed-journal")})
    s.campaign()
    process = s.start()
    r.wait_for(lambda: len(s.got()) > 50, 30)
    process.kill()
    process.wait()
    s.settings["engine"]["name"] = "after"
    rig.configure(**s.settings)
    said = rig.command("send", "renamed", "--quiet", check=False)
    checks.check(said.returncode != 0 and "engine.name = before" in said.stderr,
                 f"renamed: it says so: {said.stderr.strip()[-230:]}")
    s.settings["engine"]["name"] = "before"
    rig.configure(**s.settings)
    s.wait(s.start(), 60)
    s.end(doubtful=True)


def dns_silent(rig, checks):
    """Nobody answers for 3 seconds; then a real server does."""
    zone_port, port = rig.zone_port, r.free_port()
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.1", port))
    s = Scene(rig, checks, "dns", 200,
              dns={"server": "127.0.0.1", "port": port, "timeout": "500ms", "tries": 1})
    s.campaign()
    process = s.start()
    time.sleep(3)
    checks.equal(len(s.got()), 0, "dns: while it says nothing, sent")
    hole.close()
    r.run(r.LIVE / "nsd.sh", "start", rig.place / "zone", port, rig.place / "nsd2")
    s.wait(process, 60)
    r.run(r.LIVE / "nsd.sh", "stop", rig.place / "nsd2", check=False)
    s.end()
    rig.zone_port = zone_port


def dns_never(rig, checks):
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.1", 0))
    s = Scene(rig, checks, "nodns", 50, retry={"first": "500ms", "last": "1s", "expiry": "3s"},
              dns={"server": "127.0.0.1", "port": hole.getsockname()[1], "timeout": "300ms",
                   "tries": 1})
    s.campaign()
    s.wait(s.start(), 60)
    report, _ = s.end()
    checks.equal(report["failed"], 50, "nodns: failed when the time is over")
    hole.close()


def after_the_dot(rig, checks):
    """Connections that end behind the final dot, message taken or not, and replies that never
    come."""
    for name, rules, policy in (("dropped", "drop-after-dot=5%", "retry"),
                                ("lost", "drop-after-dot=5%:lost", "retry"),
                                ("assumed", "drop-after-dot=5%", "assume"),
                                ("hung", "hang-after-dot=3%", "assume")):
        s = Scene(rig, checks, name, 400, [f"{a};{rules}" for a in SITES],
                  smtp={"end_timeout": "2s"})
        s.campaign(in_doubt=policy)
        s.wait(s.start(), 90)
        report, listed = s.end(doubtful=True)
        checks.check(len(listed) > 0, f"{name}: the sink did so to {len(listed)}")
        missing = 400 - len(set(s.got()))
        checks.equal(missing, 0, f"{name}: missing at the sink")
        if policy == "assume":
            checks.equal(report["delivered"] + report["in_doubt"], 400,
                         f"{name}: delivered and in doubt")


def slow_and_split(rig, checks):
    s = Scene(rig, checks, "split", 300, sink=["--split-replies", "--tarpit", "2"])
    s.campaign()
    s.wait(s.start(), 60)
    s.end()


def disk_full(rig, checks):
    place = rig.place / "small-disk"
    place.mkdir()
    size = "size=192k"
    if os.geteuid() != 0 or r.run("mount", "-t", "tmpfs", "-o", size, "tmpfs", place,
                                  check=False).returncode != 0:
        checks.skip("full disk: needs root, to mount a small one")
        return
    try:
        s = Scene(rig, checks, "disk", 5000, engine={"journal": str(place / "journal"),
                                                     "name": "small"})
        s.campaign()
        process = s.start()
        r.wait_for(lambda: len(s.got()) > 0, 10)
        time.sleep(3)
        at = len(s.got())
        time.sleep(2)
        full = process.poll() is None and len(s.got()) == at < 5000
        checks.check(full, f"disk: full after {at} messages, nothing new is started")
        r.run("mount", "-o", "remount,size=64m", place)
        s.wait(process, 60)
        s.end()
    finally:
        for _ in range(20):
            if r.run("umount", place, check=False).returncode == 0:
                break
            time.sleep(0.5)


def cannot_be_rendered(rig, checks):
    rows = "".join(f"q{i}@one.test,Ann,{0 if i % 20 == 7 else 4}\n" for i in range(100))
    s = Scene(rig, checks, "rendering", 100, csv=b"email,first_name,parts\n" + rows.encode())
    s.campaign(text="Your share: {{ 100 | divided_by: parts }}\n")
    s.wait(s.start(), 60)
    report, _ = s.end()
    checks.equal(report["failed"], 5, "rendering: failed, those whose letter divides by zero")
    rows = rig.rows("rendering", "--verdict", "failed")
    checks.check(all("divided by 0" in row["text"] or "zero" in row["text"] for row in rows) and
                 all(row["origin"] == "local" for row in rows),
                 f"rendering: their rows say why: {rows[0]['text'] if rows else ''}")
    checks.check(all(b"Your share: 25" in m for _, _, m in r.exact_messages(s.mail)),
                 "rendering: no half message was sent")


def headers_injected(rig, checks):
    """Attributes that want to be headers, and lines that want to end the message."""
    evil = ('Ann\r\nBcc: evil@evil.test\r\n\r\nbody', 'Ann\nBcc: evil@evil.test', 'Ann\rBcc: evil',
            '"><script>alert(1)</script>', '=?utf-8?Q?=0D=0ABcc:_evil=40evil.test?=',
            'Ann\r\n.\r\nMAIL FROM:<evil@evil.test>', '.', '..\n.', 'Ann\x0b\x0c\x1b[2J',
            'Ann\u2028Bcc: evil', "A" * 3000)
    rows = ["email,name,first_name"]
    quoted = [e.replace('"', '""') for e in evil]
    rows += [f'h{i}@one.test,"{e[:400]}","{e}"' for i, e in enumerate(quoted)]
    s = Scene(rig, checks, "headers", len(evil), csv="\n".join(rows).encode())
    rig.campaign("headers", text="{{ first_name }}\n.\n{{ first_name }}\n", lists=["headers"],
                 html="<p>{{ first_name }}</p>", subject="Hello {{ first_name }}",
                 reply_to="answers@news.test")
    with open(rig.place / "headers" / "campaign.conf", "a") as f:
        f.write('header "X-Name" { value = "{{ first_name }}" }\n')
    rig.command("campaign", "create", rig.place / "headers")
    s.wait(s.start(), 60)
    s.end()
    shapes, faults = set(), []
    for recipients, _, message in r.exact_messages(s.mail):
        parsed = email.message_from_bytes(message, policy=email.policy.default)
        shapes.add(tuple(parsed.keys()))
        if recipients != [parsed["To"].addresses[0].addr_spec] or len(parsed["To"].addresses) != 1:
            faults.append(f"To {parsed['To']}")
        if b"<script>" in parsed.get_body(("html",)).get_content().encode():
            faults.append("script")
        if re.search(rb"[^\r]\n|\r[^\n]|[^\t\r\n -~]", message):
            faults.append(f"bare line ends or controls for {recipients}")
        if max(map(len, message.split(b"\r\n"))) > 998:
            faults.append(f"a line of over 998 for {recipients}")
    checks.check(len(shapes) == 1 and "Bcc" not in next(iter(shapes)),
                 f"headers: all {len(evil)} messages have the same fields")
    checks.check(not faults, "headers: none has foreign recipients, bare line ends or scripts" +
                 "".join(f"; {f}" for f in faults[:3]))


def broken_list(rig, checks):
    lines = [b"E-Mail;x", b"good1@one.test,Ann"]
    path = rig.place / "broken.csv"
    path.write_bytes(b"\n".join(lines) + b"\n")
    result = rig.command("import", path, "--list", "broken", check=False)
    checks.check(result.returncode != 0 and "email" in result.stderr,
                 f"import: a list without the column email: {result.stderr.strip()[:100]}")
    rows = [b"email,first_name,city", b"good1@one.test,Ann,Berlin", b"no-address,Bob,X",
            b"nul@one.test,A\0B,X", b"latin@one.test,J\xfcrgen,K\xf6ln", b"short@one.test",
            b"long@one.test," + b"x" * (1 << 20) + b",Y", b"many@one.test,a,b,c,d",
            b"good2@one.test,\"Eve \"\"E\"\"\",Bonn", b'broken@one.test,"open quote,Z']
    path.write_bytes(b"\n".join(rows) + b"\n")
    result = rig.command("import", path, "--list", "broken", "--rejects", rig.place / "rejects.csv",
                         check=False)
    kept = {row[0] for row in rig.sql("select s.address from subscribers s join subscriptions p on "
                                      "p.subscriber_id = s.id join lists l on l.id = p.list_id "
                                      "where l.name = 'broken'")}
    rejects = (rig.place / "rejects.csv").read_bytes()
    checks.check({"good1@one.test", "good2@one.test"} <= kept and "no-address" not in kept,
                 f"import: the good rows of a broken list are kept ({len(kept)})")
    checks.check(all(word in rejects for word in (b"3,", b"4,", b"5,")),
                 f"import: the reject file names lines ({rejects.count(10)})")


def main():
    checks, rig = r.Checks(), r.Rig("bad-input")
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    rig.prepare_with(1)
    for scene in (broken_list, cannot_be_rendered, headers_injected, slow_and_split, after_the_dot,
                  dns_silent, dns_never, disk_full, outcome_refused, renamed, database_away):
        scene(rig, checks)
    rig.close()
    checks.end("bad_input")


if __name__ == "__main__":
    main()
