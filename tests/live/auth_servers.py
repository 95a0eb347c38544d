"""Servers that want to know who sends, for tests of AUTH towards relays.

Authority     a CA and the certificates that it signs, made by openssl
TokenService  OAuth on loopback: gives tokens (RFC 6749) and tells Dovecot whose they are (RFC 7662)
Dovecot       Debian's submission server in a root of its own (root.sh), relaying to a sink
Scripted      an SMTP server that plays what no honest server does; see the functions at the end

All listen on 127.0.0.1 and a free port, end with close(), and bound every wait. Nothing is
tested here; imported by tests that send."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import secrets
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import urllib.parse

import rig as r

PATIENCE = 30  # seconds that a server of ours waits for a line
HOST = "127.0.0.1"


class Authority:
    def __init__(self, place):
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self.ca_file = place / "ca.pem"
        self.key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self.openssl("req", "-x509", *self.key, "-keyout", "ca.key", "-out", "ca.pem",
                     "-days", "2", "-subj", "/CN=CA of a test")

    def openssl(self, *words):
        r.run("openssl", *words, cwd=self.place)

    def certificate(self, name):
        """(certificate, key) for a host name and 127.0.0.1; made once."""
        if (self.place / f"{name}.pem").exists():
            return self.place / f"{name}.pem", self.place / f"{name}.key"
        (self.place / f"{name}.names").write_text(f"subjectAltName=DNS:{name},IP:{HOST}\n")
        self.openssl("req", *self.key, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                     "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-set_serial", str(secrets.randbits(63)), "-days", "2",
                     "-extfile", f"{name}.names", "-out", f"{name}.pem")
        return self.place / f"{name}.pem", self.place / f"{name}.key"


class TokenService:
    """POST /token gives tokens to who has the refresh token (or, without one, the client's
    secret); POST /introspect says whose they are."""

    def __init__(self, user, client="client", secret="c1ient-secret", refresh="refresh-1"):
        self.user, self.client, self.secret, self.refresh = user, client, secret, refresh
        self.expires_in = 3600
        self.rotate = False  # a new refresh token with each answer
        self.answers = []    # (status, body) that the next requests get instead
        self.requests = []   # forms, as they came
        self.valid = set()
        self.lock = threading.Lock()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                form = urllib.parse.parse_qs(
                    self.rfile.read(int(self.headers["Content-Length"] or 0)).decode())
                form = {name: values[0] for name, values in form.items()}
                with service.lock:
                    status, body = service.answer(self.path, form)
                body = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://{HOST}:{self.port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, form):
        if path.startswith("/introspect"):
            active = form.get("token") in self.valid
            return 200, {"active": active, "username": self.user} if active else {"active": False}
        self.requests.append(form)
        if self.answers:
            return self.answers.pop(0)
        if (form.get("client_id"), form.get("client_secret")) != (self.client, self.secret):
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "refresh_token" and form.get("refresh_token") != self.refresh:
            return 400, {"error": "invalid_grant", "error_description": "not of ours"}
        reply = {"access_token": self.issue(), "token_type": "Bearer",
                 "expires_in": self.expires_in}
        if self.rotate:
            reply["refresh_token"] = self.refresh = f"refresh-{secrets.token_hex(4)}"
        return 200, reply

    def issue(self):
        token = secrets.token_urlsafe(40)
        self.valid.add(token)
        return token

    def revoke_all(self):
        with self.lock:
            self.valid.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


DOVECOT = """
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
auth_verbose = yes
protocols = submission
listen = {host}
hostname = relay.test
ssl = required
ssl_cert = </etc/dovecot/test.pem
ssl_key = </etc/dovecot/test.key
ssl_min_protocol = TLSv1.2
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/test.users
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
}}
passdb {{
  driver = oauth2
  args = /etc/dovecot/test.oauth2
  mechanisms = oauthbearer xoauth2
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home=/var/mail/%u
}}
first_valid_uid = 1
mail_location = maildir:/var/mail/%u
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
submission_relay_host = {host}
submission_relay_port = {relay_port}
submission_relay_ssl = no
submission_relay_trusted = no
submission_client_workarounds =
"""

DOVECOT_OAUTH2 = """
introspection_url = http://{host}:{token_port}/introspect
introspection_mode = post
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
use_grant_password = no
"""

DOVECOT_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
                      "OAUTHBEARER", "XOAUTH2")


class Dovecot:
    """One user, by password or by the tokens of a TokenService. Needs root."""

    def __init__(self, authority, tokens, relay_port, user="ann@relay.test", password="pencil",
                 mechanisms=DOVECOT_MECHANISMS):
        self.host, self.port = HOST, r.free_port()
        self.user, self.password = user, password
        self.place = r.ROOT / "build" / "roots" / "dovecot-submission"
        self.process = None
        r.run(r.LIVE / "root.sh", "make", self.place, "dovecot-core", "dovecot-submissiond")
        self.root = self.place / "root"
        self.configure(authority, tokens, relay_port, mechanisms)
        self.log = self.root / "var" / "log" / "dovecot.log"
        self.log.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [str(r.LIVE / "root.sh"), "run", str(self.place), "/usr/sbin/dovecot", "-F", "-c",
             "/etc/dovecot/test.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def configure(self, authority, tokens, relay_port, mechanisms):
        etc = self.root / "etc" / "dovecot"
        certificate, key = authority.certificate("relay.test")
        shutil.copy(certificate, etc / "test.pem")
        shutil.copy(key, etc / "test.key")
        (etc / "test.conf").write_text(DOVECOT.format(
            host=HOST, port=self.port, relay_port=relay_port,
            mechanisms=" ".join(mechanisms).lower()))
        (etc / "test.oauth2").write_text(DOVECOT_OAUTH2.format(host=HOST, token_port=tokens.port))
        (etc / "test.users").write_text(f"{self.user}:{{PLAIN}}{self.password}::::::\n")
        (self.root / "var" / "mail").chmod(0o1777)
        shutil.rmtree(self.root / "run" / "dovecot", ignore_errors=True)

    def listens(self):
        return greets(self.host, self.port)

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    def close(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        r.wait_for(lambda: r.run(r.LIVE / "root.sh", "close", self.place,
                                 check=False).returncode == 0, 15, 0.5)


def greets(host, port):
    try:
        with socket.create_connection((host, port), timeout=2) as s:
            s.settimeout(5)
            return s.recv(100).startswith(b"220")
    except OSError:
        return False


# ---- the scripted server ----


class Cancelled(Exception):
    """The client has sent "*"."""


class Session(socketserver.StreamRequestHandler):
    """One connection. Functions that play AUTH get it, the mechanism and the initial response."""

    timeout = PATIENCE

    def say(self, line):
        self.connection.sendall(line.encode() + b"\r\n")

    def line(self):
        line = self.rfile.readline(20000)
        if not line.endswith(b"\n"):
            raise ConnectionError
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    def ask(self, challenge=b""):
        """Sends a challenge; the response, decoded."""
        self.say("334 " + base64.b64encode(challenge).decode())
        response = self.line()
        if response == "*":
            raise Cancelled
        return base64.b64decode(response)

    def handle(self):
        self.tls, self.user, self.mail, self.helo = False, None, None, None
        try:
            if self.server.script.implicit:
                self.start_tls()
            self.say("220 scripted.test ESMTP")
            while self.command(self.line()):
                pass
        except OSError:
            pass  # of TLS too: clients break off as they like
        finally:
            self.rfile.close()
            self.connection.close()

    def command(self, line):
        script = self.server.script
        verb = line.split(" ")[0].upper()
        with script.lock:
            script.commands.append(line)
        if verb == "EHLO":
            self.helo = line.split(" ")[1]
            self.greet()
        elif verb == "STARTTLS":
            self.say("220 2.0.0 go on")
            self.start_tls()
        elif verb == "AUTH":
            self.say(self.authenticate(line.split(" ")))
        elif verb == "MAIL":
            self.mail = script.mail_reply(self)
            self.say(self.mail)
        elif verb == "RCPT":
            self.say("250 2.1.5 ok" if self.mail.startswith("250") else "503 5.5.1 MAIL first")
        elif verb == "DATA":
            self.take_message()
        elif verb == "QUIT":
            self.say("221 2.0.0 bye")
            return False
        else:
            self.say("250 2.0.0 ok")
        return True

    def start_tls(self):
        self.connection = self.server.script.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.tls = True

    def greet(self):
        script = self.server.script
        lines = ["scripted.test", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if script.context and not self.tls:
            lines.append("STARTTLS")
        offers = script.offers if self.tls or not script.context else script.clear_offers
        if offers:
            lines.append("AUTH " + offers)
        for line in lines[:-1]:
            self.say("250-" + line)
        self.say("250 " + lines[-1])

    def authenticate(self, words):
        script = self.server.script
        mechanism = words[1].upper() if len(words) > 1 else ""
        initial = None
        if len(words) > 2:
            initial = b"" if words[2] == "=" else base64.b64decode(words[2])
        with script.lock:
            script.attempts.append(mechanism)
            number = len(script.attempts)
        play = script.plays[min(number, len(script.plays)) - 1]
        try:
            reply = play(self, mechanism, initial)
        except Cancelled:
            with script.lock:
                script.cancelled += 1
            return "501 5.7.0 cancelled"
        if reply.startswith("235"):
            self.user = self.user or "somebody"
        return reply

    def take_message(self):
        if not self.mail or not self.mail.startswith("250"):
            self.say("554 5.5.1 no valid recipients")
            return
        self.say("354 go on")
        size = 0
        while (line := self.rfile.readline(20000)) not in (b".\r\n", b""):
            size += len(line)
        with self.server.script.lock:
            self.server.script.messages.append((self.user, size))
            self.server.script.peers.append((self.client_address[0], self.helo))
        self.say("250 2.0.0 taken")


class Scripted:
    """plays: what AUTH gets, attempt by attempt over all connections, the last one for ever.
    mail: the reply to MAIL of who has not authenticated; None: taken.
    authority None: no STARTTLS, and the offers are made in clear text. messages and peers tell of
    each message who had logged in and its size, and the client's address and its EHLO."""

    def __init__(self, authority, offers, *plays, mail="530 5.7.0 Authentication required",
                 clear_offers="", implicit=False):
        self.offers, self.clear_offers, self.plays, self.mail = offers, clear_offers, plays, mail
        self.implicit = implicit  # TLS from the first byte
        self.lock = threading.Lock()
        self.commands, self.attempts, self.messages, self.cancelled = [], [], [], 0
        self.peers = []
        self.context = None
        if authority:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*authority.certificate("relay.test"))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = allow_reuse_address = True

        self.server = Server((HOST, 0), Session)
        self.server.script = self
        self.host, self.port = self.server.server_address
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def mail_reply(self, session):
        return "250 2.1.0 ok" if session.user or not self.mail else self.mail

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- what AUTH may get ----


def collect(session, mechanism, initial):
    """Takes what the client says, whatever it is."""
    if mechanism == "LOGIN":
        return session.ask(b"Username:"), session.ask(b"Password:")
    if mechanism == "CRAM-MD5":
        return (session.ask(b"<1.2@scripted.test>"),)
    return (session.ask() if initial is None else initial,)


def reply_with(reply):
    """The exchange, and then this: "535 5.7.8 no", "454 4.7.0 later", "534 5.7.9 too weak",
    "538 5.7.11 TLS first", "235 2.7.0 ok"."""
    def play(session, mechanism, initial):
        collect(session, mechanism, initial)
        return reply
    return play


def by_password(user, password):
    """PLAIN and LOGIN, honestly."""
    def play(session, mechanism, initial):
        said = collect(session, mechanism, initial)
        if mechanism == "PLAIN":
            said = tuple(said[0].split(b"\0")[1:])
        if said != (user.encode(), password.encode()):
            return "535 5.7.8 no"
        session.user = user
        return "235 2.7.0 ok"
    return play


def by_token(tokens):
    """XOAUTH2 and OAUTHBEARER with the tokens of a TokenService."""
    def play(session, mechanism, initial):
        said, = collect(session, mechanism, initial)
        token = said.split(b"auth=Bearer ")[-1].split(b"\1")[0].decode()
        with tokens.lock:
            if token in tokens.valid:
                session.user = tokens.user
                return "235 2.7.0 ok"
        answer = session.ask(json.dumps({"status": "invalid_token", "scope": "mail"}).encode())
        if answer != (b"\1" if mechanism == "OAUTHBEARER" else b""):
            return "501 5.5.2 RFC 7628 3.2.3 says otherwise"
        return "535 5.7.8 the token is not valid"
    return play


def by_scram(user, password, lie=None, iterations=4096):
    """SCRAM, honestly (RFC 5802 3), or with a lie: "nonce", "signature" (one that is wrong),
    "silent" (none at all, and yet a 235), "error" (e= in place of it)."""
    def play(session, mechanism, initial):
        digest = "sha256" if "256" in mechanism else "sha1"
        first = initial if initial is not None else session.ask()
        bare = first.split(b",", 2)[2]
        name, nonce = (part[2:] for part in bare.split(b","))
        salt = os.urandom(16)
        if lie == "nonce":
            nonce = (b"y" if nonce[:1] == b"x" else b"x") + nonce[1:]
        nonce += secrets.token_hex(8).encode()
        server_first = (b"r=" + nonce + b",s=" + base64.b64encode(salt) +
                        b",i=%d" % iterations)
        final = session.ask(server_first)
        without, proof = final.rsplit(b",p=", 1)
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)

        def mac(key, text):
            return hmac.new(key, text, digest).digest()

        auth = b",".join((bare, server_first, without))
        key = mac(salted, b"Client Key")
        wanted = bytes(a ^ b for a, b in zip(key, mac(hashlib.new(digest, key).digest(), auth)))
        if name.decode() != user or base64.b64decode(proof) != wanted:
            return "535 5.7.8 no"
        signature = mac(mac(salted, b"Server Key"), auth)
        if lie == "signature":
            signature = bytes(len(signature))
        if lie == "error":
            session.ask(b"e=other-error")
        elif lie != "silent":
            session.ask(b"v=" + base64.b64encode(signature))
        session.user = user
        return "235 2.7.0 ok"
    return play
