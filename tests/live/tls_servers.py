"""What tests of TLS need beside sinks: certificates of every kind, DNS that is signed, a web server
with MTA-STS policies, and SMTP servers that do what a sink does not.

Certifier     a CA; leafs that are good, expired, or nobody's; their TLSA records
SignedDns     unbound, which validates, before one signed zone and one that is not (unbound.sh)
PolicyServer  HTTPS on loopback: /.well-known/mta-sts.txt of every host name
Speaker       an SMTP server: TLS at once, TLS that breaks, words slipped in before TLS, a demand
              for the client's certificate, one version of TLS only

All listen on loopback, end with close(), and bound every wait."""

import atexit
import hashlib
import http.server
import socketserver
import ssl
import subprocess
import threading

import rig as r
from auth_servers import Authority

PATIENCE = 30  # seconds that a server of ours waits for a line


class Certifier(Authority):
    def leaf(self, label, names, days=2, signed=True):
        """(certificate with its chain, key); days < 0: it has expired; signed: by the CA."""
        (self.place / f"{label}.names").write_text(
            "subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        self.openssl("req", *self.key, "-keyout", f"{label}.key", "-out", f"{label}.csr",
                     "-subj", f"/CN={label}")
        issuer = ("-CA", "ca.pem", "-CAkey", "ca.key") if signed else ("-signkey", f"{label}.key")
        self.openssl("x509", "-req", "-in", f"{label}.csr", *issuer, "-set_serial",
                     str(int(hashlib.sha256(label.encode()).hexdigest()[:14], 16)), "-days",
                     str(days), "-extfile", f"{label}.names", "-out", f"{label}.crt")
        chain = self.place / f"{label}.pem"
        chain.write_text((self.place / f"{label}.crt").read_text() +
                         (self.ca_file.read_text() if signed else ""))
        return chain, self.place / f"{label}.key"

    def key_digest(self, certificate):
        """What a TLSA record with selector 1 and matching type 1 says of it (RFC 6698 2.1)."""
        public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
                                check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public,
                             check=True, capture_output=True).stdout
        return hashlib.sha256(der).hexdigest()


class SignedDns:
    """Zones are lists of lines. The plain one is the root, so that it has all other names."""

    def __init__(self, place, origin, signed, plain):
        self.place, self.origin = place, origin
        self.port, self.signed_port, self.plain_port = (r.free_port() for _ in range(3))
        place.mkdir()
        self.write("signed", f"{origin}.", signed)
        self.write("plain", ".", plain)
        atexit.register(self.close)
        r.run(r.LIVE / "unbound.sh", "start", place / "signed", place / "plain", self.port,
              self.signed_port, self.plain_port, place / "unbound")

    def write(self, name, origin, lines):
        dot = "." if origin == "." else "." + origin
        (self.place / name).write_text("\n".join(
            [f"$ORIGIN {origin}", "$TTL 300", f"@ SOA ns{dot} root{dot} 1 3600 600 86400 1",
             f"@ NS ns{dot}", f"ns{dot} A 127.0.0.1", *lines]) + "\n")

    def replace_plain(self, lines):
        """Other records from now on, as far as nobody remembers those of before."""
        self.write("plain", ".", lines)
        nsd = self.place / "unbound" / "nsd-plain"
        r.run(r.LIVE / "nsd.sh", "stop", nsd)
        r.run(r.LIVE / "nsd.sh", "start", self.place / "plain", self.plain_port, nsd)

    def close(self):
        r.run(r.LIVE / "unbound.sh", "stop", self.place / "unbound", check=False)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 100

    def handle_error(self, *_):
        pass  # clients of these tests break off as they like


class PolicyServer:
    """policies: {domain: (status, text, headers)}; those in untrusted have the other certificate.
    asked[domain] counts."""

    def __init__(self, trusted, untrusted_pair, untrusted):
        self.policies, self.asked, self.lock = {}, {}, threading.Lock()
        context, other = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
        context.load_cert_chain(*trusted)
        other.load_cert_chain(*untrusted_pair)

        def choose(connection, name, _):
            if name and name.removeprefix("mta-sts.") in untrusted:
                connection.context = other

        context.sni_callback = choose
        here = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                domain = self.headers["Host"].partition(":")[0].removeprefix("mta-sts.")
                status, text, headers = here.answer(domain, self.path)
                body = text.encode()
                self.send_response(status)
                for name, value in {"Content-Type": "text/plain", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Secure(Server):
            def finish_request(self, request, address):
                request.settimeout(PATIENCE)
                with context.wrap_socket(request, server_side=True) as wrapped:
                    super().finish_request(wrapped, address)

        self.server = Secure(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, domain, path):
        with self.lock:
            self.asked[domain] = self.asked.get(domain, 0) + 1
            if path != "/.well-known/mta-sts.txt":
                return 200, "version: STSv1\nmode: enforce\nmx: *.elsewhere.test\nmax_age: 60\n", {}
            return self.policies.get(domain, (404, "no such thing", {}))

    def set(self, domain, mode, *patterns, status=200, **headers):
        with self.lock:
            self.policies[domain] = (status, "\r\n".join(
                ["version: STSv1", f"mode: {mode}", *(f"mx: {p}" for p in patterns),
                 "max_age: 86400", ""]), {k.replace("_", "-"): v for k, v in headers.items()})

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Talk(socketserver.StreamRequestHandler):
    timeout = PATIENCE

    def say(self, *lines):
        self.connection.sendall("".join(line + "\r\n" for line in lines).encode())

    def secure(self):
        speaker = self.server.speaker
        self.connection = speaker.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.tls = self.connection.version()
        shown = self.connection.getpeercert()
        with speaker.lock:
            speaker.handshakes += 1
            speaker.shown.append(dict(part[0] for part in shown["subject"]) if shown else None)

    def handle(self):
        speaker = self.server.speaker
        self.tls = None
        with speaker.lock:
            speaker.connections += 1
        try:
            if speaker.implicit:
                self.secure()
            self.say("220 speaker.test ESMTP")
            while (line := self.rfile.readline(20000)) and self.command(line.decode().rstrip()):
                pass
        except OSError:
            pass  # of TLS too
        finally:
            self.rfile.close()
            self.connection.close()

    def command(self, line):
        speaker, verb = self.server.speaker, line.split(" ")[0].upper()
        with speaker.lock:
            speaker.commands.append((line, self.tls))
        if verb == "EHLO":
            offers = speaker.clear_offers if not self.tls else ["250-SIZE 1000000"]
            self.say("250-speaker.test", *offers, "250 8BITMIME")
        elif verb == "STARTTLS" and speaker.breaks:
            self.say("220 2.0.0 go on", "this is no TLS")
            return False
        elif verb == "STARTTLS":
            self.say("220 2.0.0 go on", *speaker.slipped_in)
            self.secure()
        elif verb == "DATA":
            self.say("354 go on")
            while self.rfile.readline(20000) not in (b".\r\n", b""):
                pass
            with speaker.lock:
                speaker.messages.append(self.tls)
            self.say("250 2.0.0 taken")
        elif verb == "QUIT":
            self.say("221 2.0.0 bye")
            return False
        else:
            self.say("250 2.0.0 ok")
        return True


class Speaker:
    """slipped_in: lines that leave in one segment with the reply to STARTTLS.
    messages: the version of TLS that each came under, None: in clear text.
    shown: the subjects of the clients' certificates."""

    def __init__(self, address, port, certificate, implicit=False, breaks=False, slipped_in=(),
                 client_ca=None, newest=None):
        self.implicit, self.breaks, self.slipped_in = implicit, breaks, slipped_in
        self.clear_offers = ["250-STARTTLS"]
        self.lock = threading.Lock()
        self.commands, self.messages, self.shown = [], [], []
        self.connections = self.handshakes = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        if newest:
            self.context.maximum_version = newest
        self.server = Server((address, port), Talk)
        self.server.speaker = self
        self.address, self.port = self.server.server_address
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
