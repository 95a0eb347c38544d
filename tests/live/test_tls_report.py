"""Daily TLS reports (RFC 8460): from rows in the database, through DNS, by mail and by HTTPS."""

import datetime
import email
import email.policy
import gzip
import http.server
import json
import ssl
import threading

import rig as r

YESTERDAY = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date()
POLICY = "version: STSv1\nmode: enforce\nmx: *.mail.test\nmax_age: 86400"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes reports by HTTPS; /later says 503 once, /away leads elsewhere."""
    got, said_later = [], False

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 201
        if self.path == "/later" and not Receiver.said_later:
            Receiver.said_later, status = True, 503
        if self.path == "/away":
            status = 307
        if status == 201:
            Receiver.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "/taken")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def start_receiver(rig):
    """An HTTPS server with a certificate that only ca_file knows; returns its port."""
    r.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
          "-nodes", "-keyout", rig.place / "tls.key", "-out", rig.place / "tls.crt", "-days", "2",
          "-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(rig.place / "tls.crt", rig.place / "tls.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def zone(port):
    def wants(name, *texts):
        return [f'_smtp._tls.{name} IN TXT "{text}"' for text in texts]
    here = f"https://127.0.0.1:{port}"
    return (r.mail_zone({"mail.test": "127.0.0.2", "both.test": "127.0.0.2"}) +
            wants("mail", "v=TLSRPTv1; rua=mailto:tls%2Breports@mail.test") +
            wants("both", f"v=TLSRPTv1;rua={here}/later,mailto:reports@both.test", "other text") +
            wants("web", f"v=TLSRPTv1; rua={here}/web;") +
            wants("away", f"v=TLSRPTv1; rua={here}/away") +
            wants("inner", "v=TLSRPTv1; rua=https://10.0.0.1/") +
            wants("two", *(f"v=TLSRPTv1; rua={here}/two{i}" for i in (1, 2))) +
            wants("bad", "v=TLSRPTv1; rua=mailto:a@bad.test;;"))


def add(rig, domain, count, fault="", day=YESTERDAY, policy=""):
    kind, host = ("sts", "mx.mail.test") if policy else ("no-policy-found", "")
    rig.sql("insert into tls_result (tenant_id, day, policy_domain, policy_type, policy_text, "
            "result_type, sending_ip, receiving_mx, receiving_ip, failure_reason, count) values "
            f"(1, '{day}', '{domain}', '{kind}', '{policy}', '{fault}', '127.0.0.1', '{host}', "
            f"'127.0.0.2', '', {count})")


def report_in(message):
    """The report of a mail as its reader finds it, and the mail."""
    m = email.message_from_bytes(message, policy=email.policy.default)
    text, attachment = m.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert attachment.get_content_type() == "application/tlsrpt+gzip"
    return json.loads(gzip.decompress(attachment.get_content())), m, attachment.get_filename()


def mails(rig):
    return {recipients[0]: message for recipients, _, message in r.exact_messages(rig.place / "mail")}


def rows_of(result):
    return {(row["domain"], row["to"]): row for row in json.loads(result.stdout)}


def shown_first(rig, checks, here):
    """--print and --dry-run look and leave everything as it was."""
    shown = json.loads(rig.command("tls-report", "--print", "--domain", "mail.test").stdout)
    policy = shown["policies"][0]
    checks.equal(policy["summary"], {"total-successful-session-count": 40,
                                     "total-failure-session-count": 2}, "--print: the sums")
    checks.equal(policy["policy"]["mx-host"], ["*.mail.test"], "--print: the patterns of hosts")
    rows = rows_of(rig.command("tls-report", "--dry-run", "--json"))
    checks.equal(sorted(rows), sorted([("mail.test", "tls+reports@mail.test"),
                                       ("both.test", f"{here}/later"),
                                       ("both.test", "reports@both.test"),
                                       ("web.test", f"{here}/web")]),
                 "--dry-run: who would get one")
    checks.check(all(row["state"] == "would be sent" for row in rows.values()) and
                 rig.sql("select count(*) from tls_report_sent") == [["0"]] and not Receiver.got,
                 "nothing is sent or noted by looking")
    return shown


def sent(rig, checks, here, shown):
    result = rig.command("tls-report", "--json", check=False)
    rows = rows_of(result)
    checks.equal(result.returncode, 1, "one receiver had no time: exit code")
    checks.equal(sorted(to for (_, to), row in rows.items() if row["state"] == "sent"),
                 sorted(["tls+reports@mail.test", "reports@both.test", f"{here}/web"]), "sent to")
    checks.equal(rows["both.test", f"{here}/later"]["reply"], "HTTP status 503", "and why not")
    found = mails(rig)
    checks.equal(sorted(found), ["reports@both.test", "tls+reports@mail.test"], "mails arrived")
    faults = rig.bad_signatures(found.values())
    checks.check(not faults, "every signature verifies" + "".join(f"; {f}" for f in faults))
    report, mail, name = report_in(found["tls+reports@mail.test"])
    checks.equal(report, shown, "the mail's report is what --print shows")
    checks.equal((mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"]),
                 ("mail.test", "news.test"), "TLS-Report-Domain and -Submitter")
    checks.check(name.startswith("news.test!mail.test!") and name.endswith(".json.gz"), name)
    checks.check(report["report-id"] in mail["Subject"], mail["Subject"])
    path, media_type, body = Receiver.got[0]
    checks.equal((path, media_type), ("/web", "application/tlsrpt+gzip"), "the POST")
    checks.equal(json.loads(gzip.decompress(body))["policies"][0]["policy"],
                 {"policy-type": "no-policy-found", "policy-domain": "web.test"}, "its policy")


def sent_again(rig, checks, here):
    rows = rows_of(rig.command("tls-report", "--json"))
    checks.equal(list(rows), [("both.test", f"{here}/later")], "the second run sends what is left")
    rows = rows_of(rig.command("tls-report", "--json"))
    checks.equal(list(rows), [], "the third run sends nothing")
    checks.equal((len(mails(rig)), len(Receiver.got)), (2, 2), "nobody has got anything twice")


def refused(rig, checks):
    """What must not be sent, or cannot."""
    for domain, reply in (("inner.test", "not public"), ("away.test", "HTTP status 307")):
        add(rig, domain, 1)
        result = rig.command("tls-report", "--domain", domain, "--json", check=False)
        row = list(rows_of(result).values())[0]
        checks.check(result.returncode == 1 and row["state"] == "failed" and reply in row["reply"],
                     f"{row['to']} is not used: {row['reply']}")
    checks.check(not [got for got in Receiver.got if got[0] in ("/away", "/taken")],
                 "no redirect is followed")
    today = YESTERDAY + datetime.timedelta(days=1)
    for arguments, code in ((["--day", str(today)], 2), (["--day", "soon"], 2),
                            (["--domain", "unheard.test"], 3)):
        checks.equal(rig.command("tls-report", *arguments, check=False).returncode, code,
                     f"exit code of {' '.join(arguments)}")
    add(rig, "mail.test", 3, day=YESTERDAY - datetime.timedelta(days=1))
    before = rig.command("tls-report", "--json", "--day",
                         str(YESTERDAY - datetime.timedelta(days=1)))
    checks.equal(list(rows_of(before)), [("mail.test", "tls+reports@mail.test")], "another day")


def unsigned(rig, checks, port, ca_file):
    """Without a key, and without an answer of DNS."""
    rig.configure(**rig.settings(port, tls_report={"ca_file": ca_file}))
    rig.sql("delete from tls_report_sent")
    result = rig.command("tls-report", "--domain", "mail.test", "--json", check=False)
    row = list(rows_of(result).values())[0]
    checks.check(result.returncode == 1 and "signed" in row["reply"], row["reply"])
    rig.configure(**rig.settings(port, dns={"port": r.free_port()}))
    result = rig.command("tls-report", "--domain", "web.test", "--json", check=False)
    row = list(rows_of(result).values())[0]
    checks.check(result.returncode == 1 and row["state"] == "failed" and row["to"] == "",
                 f"no DNS: {row['reply']}")


def main():
    checks, rig = r.Checks(), r.Rig("tls-report")
    receiver = start_receiver(rig)
    here = f"https://127.0.0.1:{receiver}"
    ca_file = str(rig.place / "tls.crt")
    rig.start_database()
    rig.start_zone(zone(receiver))
    port, _ = rig.start_sink("--store", f"exact:{rig.place / 'mail'}", listeners=["127.0.0.2"])
    # The sink has no TLS: reports go out all the same (RFC 8460 3).
    rig.prepare_with(port, ("rsa", "ed25519"), smtp={"tls": "verify"},
                     tls_report={"organization": "News & Co", "contact": "post@news.test",
                                 "from": "tls@news.test", "ca_file": ca_file})
    add(rig, "mail.test", 40, policy=POLICY)
    add(rig, "mail.test", 2, fault="certificate-expired", policy=POLICY)
    for domain in ("both.test", "web.test", "two.test", "bad.test", "none.test"):
        add(rig, domain, 7)
    shown = shown_first(rig, checks, here)
    sent(rig, checks, here, shown)
    sent_again(rig, checks, here)
    refused(rig, checks)
    unsigned(rig, checks, port, ca_file)
    rig.close()
    checks.end("tls_report")


if __name__ == "__main__":
    main()
