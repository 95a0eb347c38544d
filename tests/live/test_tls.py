"""TLS as the policies of domains ask for it, live: MAY, encrypt, verify, DANE, MTA-STS.

One domain a case, each with a mail host on an address of its own; all of them in one campaign, with
`smtp { tls = dane }`. What became of each recipient is in the report, how it came about in the
counts of the servers; the two must agree, and the TLS reports (RFC 8460) with both. Then resumption, and REQUIRETLS (RFC 8689).

usage: test_tls.py [MESSAGES]   for the resumption of sessions (600); make show-tls: 20,000"""

import collections
import datetime
import email
import email.policy
import gzip
import json
import ssl
import sys
import time

import rig as r
import tls_servers as t

TLS, CLEAR = "under TLS", "in clear text"
SELF_SIGNED = "certificate is not accepted: self-signed certificate"
NO_STARTTLS = "STARTTLS"
TEXT = "Hello {{ first_name }}\n\n{{ unsubscribe_url }}\n"


class Case:
    """A domain and its mail host. ends: TLS, CLEAR, or words of the reply that mail waits with.
    In tlsa {names} are digests of certificates. policy: what kind of policy a TLS report speaks of
    (None: of none, so nothing is reported); faults: what it blames."""

    def __init__(self, label, server, ends, tls=None, tlsa=None, sts=None, signed=False, host=None,
                 policy=None, faults=(), relay=False):
        self.label, self.server, self.ends, self.tls = label, server, ends, tls
        self.tlsa, self.sts, self.signed = tlsa, sts, signed
        self.domain = f"{label}.signed.test" if signed else f"{label}.test"
        self.host = host or f"mx.{self.domain}"
        self.shares_host, self.relay = host is not None, relay
        self.policy, self.faults = policy, set(faults)
        self.address = None


CASES = [
    Case("may-self", "self", TLS, tls="may"),
    Case("may-broken", "broken", CLEAR, tls="may"),
    Case("may-slipped", "slipped", TLS, tls="may"),
    Case("encrypt-self", "self", TLS, tls="encrypt"),
    Case("encrypt-none", "clear", NO_STARTTLS, tls="encrypt"),
    Case("encrypt-broken", "broken2", "TLS failed", tls="encrypt"),
    Case("verify-good", "good", TLS, tls="verify"),
    Case("verify-name", "wrong", "certificate is for other.test, not mx.verify-name.test",
         tls="verify"),
    Case("verify-expired", "expired", "certificate has expired on 20", tls="verify"),
    Case("verify-unknown", "self", SELF_SIGNED, tls="verify"),
    Case("verify-old", "old", TLS, tls="verify"),
    Case("verify-both", "demanding", TLS, tls="verify"),
    Case("relay", "implicit", TLS, relay=True),
    Case("ee", "expired", TLS, signed=True, tlsa="3 1 1 {expired}", policy="tlsa"),
    Case("ee-self", "self", TLS, signed=True, tlsa="3 1 1 {self}", policy="tlsa"),
    Case("ta", "good", TLS, signed=True, tlsa="2 1 1 {ca}", policy="tlsa"),
    Case("other", "self", "certificate matches none of the TLSA records of mx.other.signed.test",
         signed=True, tlsa="3 1 1 {good}", policy="tlsa", faults=["validation-failure"]),
    Case("sibling", "self", TLS, host="mx.other.signed.test"),
    Case("bogus", "self", "the TLSA records of mx.bogus.signed.test could not be looked up",
         signed=True, tlsa="3 1 1 " + "0" * 63 + "6", policy="tlsa", faults=["dnssec-invalid"]),
    Case("pkix", "self", TLS, signed=True, tlsa="1 1 1 {good}", policy="tlsa",
         faults=["tlsa-invalid"]),
    Case("pkix-none", "clear", NO_STARTTLS, signed=True, tlsa="1 1 1 {good}", policy="tlsa",
         faults=["starttls-not-supported"]),
    Case("unsigned", "self", TLS, tlsa="3 1 1 {good}"),
    Case("both", "self", TLS, signed=True, tlsa="3 1 1 {self}",
         sts=("enforce", "mx.elsewhere.test"), policy="tlsa"),
    Case("sts-good", "good", TLS, sts=("enforce", "*.sts-good.test"), policy="sts"),
    Case("sts-outside", "good", "is named in the domain's MTA-STS policy",
         sts=("enforce", "mx.elsewhere.test"), policy="sts", faults=["validation-failure"]),
    Case("sts-self", "self", SELF_SIGNED, sts=("enforce", "mx.sts-self.test"), policy="sts",
         faults=["certificate-not-trusted"]),
    Case("sts-testing", "self", TLS, sts=("testing", "mx.sts-testing.test"), policy="sts",
         faults=["certificate-not-trusted"]),
    Case("sts-beside", "good", TLS, sts=("testing", "mx.elsewhere.test"), policy="sts",
         faults=["validation-failure"]),
    Case("sts-none", "self", TLS, sts=("none",)),
    Case("sts-404", "self", TLS, sts=404, policy="sts", faults=["sts-policy-fetch-error"]),
    Case("sts-moved", "self", TLS, sts=301, policy="sts", faults=["sts-policy-fetch-error"]),
    Case("sts-untrusted", "self", TLS, sts=("enforce", "mx.elsewhere.test"), policy="sts",
         faults=["sts-webpki-invalid"]),
    Case("sts-changed", "good", TLS, sts=("enforce", "mx.elsewhere.test"), policy="sts",
         faults=["validation-failure"]),
]
BY_LABEL = {case.label: case for case in CASES}
REQUIRED = [Case("req-good", "promising", TLS, tls="verify"),
            Case("req-dane", "promising-self", TLS, signed=True, tlsa="3 1 1 {self}"),
            Case("req-not", "good", "does not offer REQUIRETLS"),
            Case("req-self", "promising-self", SELF_SIGNED),
            Case("req-may", "promising-self", SELF_SIGNED, tls="may")]
SPEAKERS = {"broken": {"breaks": True}, "broken2": {"breaks": True},
            "slipped": {"slipped_in": ["250 8BITMIME"]}, "demanding": {"client_ca": True},
            "old": {"newest": ssl.TLSVersion.TLSv1_2}}


class World:
    """Servers, zones and policies for all cases."""

    def __init__(self, rig):
        self.rig, self.port = rig, r.free_port()
        self.certifier = t.Certifier(rig.place / "certificates")
        hosts = [case.host for case in (*CASES, *REQUIRED) if case.server in
                 ("good", "promising", "old", "demanding")]
        self.leafs = {"good": self.certifier.leaf("good", hosts),
                      "wrong": self.certifier.leaf("wrong", ["other.test"]),
                      "expired": self.certifier.leaf("expired", ["mx.verify-expired.test"],
                                                     days=-1),
                      "self": self.certifier.leaf("self", ["mx.verify-unknown.test"], signed=False),
                      "client": self.certifier.leaf("client", ["out.news.test"])}
        self.digests = {name: self.certifier.key_digest(leaf) for name, (leaf, _) in
                        self.leafs.items()}
        self.digests["ca"] = self.certifier.key_digest(self.certifier.ca_file)
        for index, case in enumerate((*CASES, *REQUIRED)):
            case.address = f"127.0.3.{10 * index + 11 if index < 20 else 10 * index - 187}"
        BY_LABEL["sibling"].address = BY_LABEL["other"].address
        self.start_policies()
        self.speakers = {}
        self.dns = t.SignedDns(rig.place / "dns", "signed.test", self.zone(True), self.zone(False))
        self.start_servers()

    def start_policies(self):
        domains = [case.domain for case in CASES if case.sts]
        trusted = self.certifier.leaf("policies", [f"mta-sts.{domain}" for domain in domains])
        self.policies = t.PolicyServer(trusted, self.leafs["self"], {"sts-untrusted.test"})
        for case in CASES:
            if case.sts == 301:
                self.policies.set(case.domain, "enforce", "mx.elsewhere.test", status=301,
                                  Location="/elsewhere")
            elif isinstance(case.sts, tuple):
                self.policies.set(case.domain, *case.sts)

    def zone(self, signed, policy_id=1):
        lines = []
        for case in (*CASES, *REQUIRED):
            name, host = f"{case.domain}.", f"{case.host}."
            if case.signed != signed:
                continue
            lines.append(f"{name} MX 10 {host}")
            if not case.shares_host:
                lines.append(f"{host} A {case.address}")
            if case.tlsa:
                lines.append(f"_{self.port}._tcp.{host} TLSA {case.tlsa.format(**self.digests)}")
            if case.sts:
                moving = case.label == "sts-changed"
                lines.append(f'_mta-sts.{name} {1 if moving else 300} TXT '
                             f'"v=STSv1; id={policy_id if moving else 1};"')
                lines.append(f"mta-sts.{name} A 127.0.0.1")
        if not signed:
            lines += ["relay.test. A 127.0.0.1",
                      "clear.test. MX 10 mx.clear.test.", "mx.clear.test. A 127.0.3.1",
                      "many.test. MX 10 mx.many.test.", "mx.many.test. A 127.0.3.2",
                      '_smtp._tls.sts-testing.test. TXT '
                      '"v=TLSRPTv1; rua=mailto:tls@clear.test"']
        return lines

    def start_servers(self):
        sinks = {"self": ["self"], "good": ["good"], "wrong": ["wrong"], "expired": ["expired"],
                 "promising": ["good", "--requiretls"], "promising-self": ["self", "--requiretls"],
                 "clear": [None]}
        self.sinks = {}
        for name, (leaf, *options) in sinks.items():
            addresses = {case.address for case in (*CASES, *REQUIRED) if case.server == name}
            if leaf:
                certificate, key = self.leafs[leaf]
                options += ["--starttls", "--certificate", certificate, "--key", key]
            else:
                addresses.add("127.0.3.1")
                options = ["--store", f"exact:{self.rig.place / 'mail'}"]
            self.sinks[name] = self.rig.start_sink(*options, listeners=sorted(addresses),
                                                   port=self.port, count_file=self.rig.place /
                                                   f"{name}.counts")[1]
        for case in CASES:
            if case.server in SPEAKERS:
                options = dict(SPEAKERS[case.server])
                if options.get("client_ca"):
                    options["client_ca"] = self.certifier.ca_file
                self.speakers[case.server] = t.Speaker(case.address, self.port,
                                                       self.leafs["good"], **options)
        relay = self.certifier.leaf("relay", ["relay.test"])
        self.relay = t.Speaker("127.0.0.1", 0, relay, implicit=True)
        self.speakers["implicit"] = self.relay

    def configure(self, *cases, **changes):
        certificate, key = self.leafs["client"]
        smtp = {"tls": "dane", "ca_file": str(self.certifier.ca_file),
                "policy_port": self.policies.port, "certificate": str(certificate),
                "certificate_key": str(key), **changes.pop("smtp", {})}
        routes = [(case.domain, {"tls": case.tls}) for case in cases if case.tls]
        settings = {
            "smtp": smtp, "dns": {"port": self.dns.port, "trust_ad": True, "timeout": "3s"},
            "relay": [("tls", {"host": "relay.test", "port": self.relay.port,
                               "implicit_tls": True, "tls": "verify"})],
            "route": [*routes, *((case.domain, {"relays": ["tls"]}) for case in cases
                                 if case.relay)],
            "retry": {"first": "1s", "last": "1s", "jitter": "0", "expiry": "7s"}, **changes}
        self.rig.configure(**self.rig.settings(self.port, **settings))

    def seen(self):
        """{label: counts} of every case, as its server saw it."""
        listeners = {}
        for sink in self.sinks.values():
            sink.send_signal(10)
        time.sleep(0.3)
        for sink in self.sinks.values():
            for one in sink.counts()["listeners"]:
                listeners[one["listener"].rpartition(":")[0]] = one
        for name, speaker in self.speakers.items():
            with speaker.lock:
                listeners[name] = {"handshakes": speaker.handshakes,
                                   "connections": speaker.connections,
                                   "accepted": len(speaker.messages)}
        return {case.label: listeners[case.server if case.server in self.speakers else case.address]
                for case in CASES + REQUIRED}

    def close(self):
        for server in (self.policies, *self.speakers.values()):
            server.close()
        self.dns.close()


def send(world, name, cases, each=2, during=None, **settings):
    """A campaign to some recipients of each case; {label: rows}, {label: attempts}."""
    rig = world.rig
    people = rig.place / f"{name}.csv"
    people.write_text("email,first_name\n" + "".join(
        f"r{i}@{case.domain},R{i}\n" for case in cases for i in range(each)))
    rig.command("import", people, "--list", name)
    rig.campaign(name, text=TEXT, lists=[name], **settings)
    with open(rig.place / f"{name}.log", "w") as log:
        process = rig.popen("send", rig.place / name, "--quiet", stderr=log)
        if during:
            during()
        process.wait(120)
    labels = {case.domain: case.label for case in cases}

    def by_label(*filters):
        found = collections.defaultdict(list)
        for row in rig.rows(name, *filters):
            found[labels[row["email"].partition("@")[2]]].append(row)
        return found
    return by_label(), by_label("--attempts")


def judge(checks, case, rows, attempts, seen):
    """Whether a case ended as it should, in the tables and at its server."""
    if case.ends in (TLS, CLEAR):
        good = len(rows) == 2 and all(row["verdict"] == "delivered" for row in rows)
        at_server = seen["accepted"] >= 2 and (seen["handshakes"] > 0) == (case.ends == TLS)
        words = case.ends
    else:
        good = len(rows) == 2 and all(
            row["verdict"] == "failed" and case.ends in row["text"] for row in rows)
        good = good and all(row["verdict"] in ("deferred", "failed") for row in attempts)
        at_server = seen["accepted"] == 0 and seen["connections"] <= 1
        words = f"waits: {rows[0]['text'] if rows else '?'}"
    said = {(row["verdict"], row["code"], row["text"]) for row in rows + attempts}
    checks.check(good, f"{case.domain}: {words}" + ("" if good else f", but {said}"))
    if not case.shares_host and case.label != "other":
        checks.check(at_server, f"{case.domain}: {seen['connections']} connections, "
                     f"{seen['handshakes']} handshakes, {seen['accepted']} messages")


def change_policy(world):
    """The domain corrects its policy and announces it by a new id."""
    r.wait_for(lambda: world.policies.asked.get("sts-changed.test", 0) > 0, 20)
    world.policies.set("sts-changed.test", "enforce", "mx.sts-changed.test")
    world.dns.replace_plain(world.zone(False, policy_id=2))


def policies(checks, world):
    world.configure(*CASES)
    rows, attempts = send(world, "policies", CASES, during=lambda: change_policy(world))
    seen = world.seen()
    for case in CASES:
        judge(checks, case, rows[case.label], attempts[case.label], seen[case.label])
    checks.check(all(row["attempt"] == 1 for row in rows["sibling"]),
                 "sibling.test: at the first try, on the host that fails other.signed.test")
    checks.check(seen["other"]["accepted"] == 2, "mx.other.signed.test: has got its mail only")
    checks.equal(world.policies.asked.get("sts-changed.test"), 2,
                 "sts-changed.test: its policy was fetched as often as its id was new")
    checks.equal(world.policies.asked.get("sts-self.test"), 1, "sts-self.test: once, for all tries")
    slipped, demanding, broken = (world.speakers[s] for s in ("slipped", "demanding", "broken"))
    checks.check([tls for line, tls in slipped.commands if line.startswith("EHLO")].count(None) ==
                 slipped.connections and all(slipped.messages),
                 "what is slipped in before TLS is not taken for a reply under it")
    checks.equal(demanding.shown[0], {"commonName": "client"}, "the certificate shown to who asks")
    checks.check(broken.messages and not any(broken.messages) and broken.connections >= 2,
                 "may-broken.test: in clear text, on a new connection")
    checks.equal({*world.speakers["old"].messages}, {"TLSv1.2"}, "verify-old.test: speaks")
    checks.equal({*world.relay.messages}, {"TLSv1.3"}, "the relay with TLS from the first byte")
    return seen


def minimum(checks, world):
    case = Case("verify-old", "old", "TLS failed", tls="verify")
    world.configure(case, smtp={"tls_minimum": "1.3"}, retry={"first": "1s", "last": "1s",
                                                            "expiry": "2s"})
    before = world.seen()["verify-old"]["accepted"]
    rows, _ = send(world, "minimum", [case])
    row = rows["verify-old"][0]
    checks.check(row["verdict"] == "failed" and "TLS failed" in row["text"] and
                 world.seen()["verify-old"]["accepted"] == before,
                 f"tls_minimum 1.3, a server of 1.2: waits: {row['text']}")


def required(checks, world):
    world.configure(*REQUIRED, retry={"first": "1s", "last": "1s", "expiry": "3s"})
    rows, attempts = send(world, "required", REQUIRED, require_tls="true")
    seen = world.seen()
    for case in REQUIRED:
        if case.label == "req-not":
            row = rows[case.label][0]
            checks.check((row["verdict"], row["status"], row["attempt"]) == ("failed", "5.7.30", 1),
                         f"REQUIRETLS to {case.domain}: {row['status']} {row['text']}")
        else:
            judge(checks, case, rows[case.label], attempts[case.label], seen[case.label])


# ---- reports ----


def day_now():
    return datetime.datetime.now(datetime.timezone.utc).date()


def counted(report):
    """{(domain, type): (successes, {fault: count})} of the policies of one report."""
    found = collections.defaultdict(lambda: (collections.Counter(), collections.Counter()))
    for policy in report["policies"]:
        good, bad = found[policy["policy"]["policy-domain"], policy["policy"]["policy-type"]]
        summary = policy["summary"]
        good["sessions"] += summary["total-successful-session-count"]
        for fault in policy.get("failure-details", []):
            bad[fault["result-type"]] += fault["failed-session-count"]
        bad["sum"] += summary["total-failure-session-count"]
    return {key: (good["sessions"], dict(bad)) for key, (good, bad) in found.items()}


def shown(world, day, domain=None):
    """The reports of a day as --print shows them: one JSON text behind the other."""
    chosen = ["--domain", domain] if domain else []
    text = world.rig.command("tls-report", "--print", "--day", day, *chosen).stdout
    reader, found = json.JSONDecoder(), []
    while text := text.lstrip():
        report, end = reader.raw_decode(text)
        found.append(report)
        text = text[end:]
    return found


def wanted_of(case, seen):
    """What a report has to say of a case's policy, by what its server saw: (successes, failures).
    A route that no host can meet has no sessions: it counts once a try, at least once (None)."""
    if case.label == "sts-changed":
        return seen["handshakes"], None
    if case.label in ("bogus", "sts-outside"):
        return 0, None
    if not case.faults:
        return seen["handshakes"], 0
    lost = seen["connections"] - seen["handshakes"]
    return 0, lost or seen["handshakes"]


def reports(checks, world, seen):
    """After the first campaign: what --print shows, then a mail, read as its receiver does."""
    days = {day_now() - datetime.timedelta(days=1), day_now()}
    found = {}
    for report in (one for day in sorted(days) for one in shown(world, day)):
        for key, (good, bad) in counted(report).items():
            before = found.get(key, (0, {}))
            found[key] = before[0] + good, dict(collections.Counter(before[1]) +
                                                collections.Counter(bad))
    expected = set()
    for case in CASES:
        if not case.policy:
            continue
        key = (case.host if case.policy == "tlsa" else case.domain, case.policy)
        expected.add(key)
        good, bad = found.get(key, (None, {}))
        wanted, failed = wanted_of(case, seen[case.label])
        total = bad.pop("sum", 0)
        checks.check(good == wanted and set(bad) == case.faults and total == sum(bad.values()) and
                     (total >= 1 if failed is None else total == failed),
                     f"report to {key[0]} ({key[1]}): {good} sessions, faults {bad}; its server "
                     f"saw {seen[case.label]['connections']} connections, "
                     f"{seen[case.label]['handshakes']} handshakes")
    checks.equal(set(found) - expected, set(), "reports to others")
    mailed(checks, world)


def mailed(checks, world):
    rig, yesterday = world.rig, day_now() - datetime.timedelta(days=1)
    checks.equal(rig.command("tls-report", "--day", day_now(), check=False).returncode, 2,
                 "the running day is shown, but not sent: exit code")
    rig.sql(f"update tls_result set day = '{yesterday}'")
    key = rig.keygen("reports", "ed25519")
    world.configure(dkim=[key], tls_report={"from": "tls@news.test", "organization": "News"})
    [report] = shown(world, yesterday, "sts-testing.test")
    rig.command("tls-report", "--domain", "sts-testing.test")
    mails = [message for recipients, _, message in r.exact_messages(rig.place / "mail")
             if recipients == ["tls@clear.test"]]
    checks.check(len(mails) == 1 and not rig.bad_signatures(mails), "one mail, and it is signed")
    text, attachment = email.message_from_bytes(mails[0], policy=email.policy.default).iter_parts()
    checks.equal(json.loads(gzip.decompress(attachment.get_content())), report,
                 "the mail holds the report that is shown")


# ---- sessions taken up again ----


def resumed(checks, world, name, count, connections, *rules):
    """messages_per_connection 5: all but the first connections resume a session of before."""
    rig, (certificate, key) = world.rig, world.leafs["good"]
    _, sink = rig.start_sink("--starttls", "--certificate", certificate, "--key", key, *rules,
                             listeners=["127.0.3.2"], port=world.port,
                             count_file=rig.place / f"{name}.counts")
    world.configure(default_limits={"connections": connections, "messages_per_connection": 5,
                                    "flight": "group"},
                    retry={"first": "1s", "last": "1s", "expiry": "1h"})
    rig.command("import", r.subscribers_csv(rig.place / f"{name}.csv", count, ["many.test"]),
                "--list", name)
    rig.campaign(name, text=TEXT, lists=[name], in_doubt="retry")
    began = time.monotonic()
    rig.command("send", rig.place / name, "--quiet")
    took = time.monotonic() - began
    rig.stop(sink)
    counts, report = sink.counts(), rig.report(name)
    again = counts["handshakes"] - connections
    checks.check(report["delivered"] == count == counts["accepted"],
                 f"{name}: {count} delivered, {counts['dropped']} times the connection was dropped")
    checks.check((counts["dropped"] > 0) == bool(rules), f"{name}: the rule was met")
    checks.check(again > 0 and counts["resumed"] >= 0.99 * again,
                 f"{name}: {counts['resumed']} of {again} reconnects resumed their session "
                 f"({100 * counts['resumed'] / max(1, again):.1f} %), {counts['handshakes']} "
                 f"connections in {took:.1f} s")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    checks, rig = r.Checks(), r.Rig("tls")
    if r.run(r.LIVE / "unbound.sh", "fetch", check=False).returncode != 0:
        checks.skip("without unbound no zone is validated")
        checks.end("tls")
    rig.start_database()
    world = World(rig)
    world.configure()
    rig.command("init")
    reports(checks, world, policies(checks, world))
    minimum(checks, world)
    required(checks, world)
    resumed(checks, world, "in-order", count, 4)
    resumed(checks, world, "dropped", max(200, count // 40), 4, "--drop-after-dot", "1%:lost")
    world.close()
    rig.close()
    checks.end("tls")


if __name__ == "__main__":
    main()
