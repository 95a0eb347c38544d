"""A web server for unit tests: HTTPS and HTTP on loopback, with a CA made at its start.

usage: https_server.py DIRECTORY   prints "https PORT http PORT", ends with its standard input.
Lines on standard input: "STATUS BODY" is what /scripted answers from now on; "asked" prints how
often it was asked since, and the last form. The certificate is for mta-sts.good.test and 127.0.0.1."""

import http.server
import pathlib
import ssl
import subprocess
import sys
import threading
import time

script = {"status": 200, "body": "", "asked": 0, "form": ""}


def make_certificates(place):
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=place, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=CA of a test")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=good.test")
    (place / "names").write_text("subjectAltName=DNS:mta-sts.good.test,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-set_serial", "7", "-days", "2", "-extfile", "names", "-out", "server.pem")
    openssl("req", "-x509", *key, "-keyout", "other.key", "-out", "other.pem", "-days", "2",
            "-subj", "/CN=another CA")


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def give(self, status, body, kind="text/plain", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/policy":
            self.give(200, b"version: STSv1\r\n", "Text/PLAIN; charset=utf-8")
        elif self.path == "/moved":
            self.give(301, b"elsewhere", Location="/policy")
        elif self.path.startswith("/size/"):
            self.give(200, b"x" * int(self.path[6:]))
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(10000):  # without a length, until the client goes away
                self.wfile.write(b"y" * 1000)
        elif self.path == "/slow":
            time.sleep(30)
        elif self.path == "/host":
            self.give(200, self.headers["Host"].encode())
        else:
            self.give(404, b"no such thing")

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/echo":
            self.give(200, self.headers["Content-Type"].encode() + b" " + form)
        elif self.path == "/scripted":
            script["asked"] += 1
            script["form"] = form.decode("latin-1")
            self.give(script["status"], script["body"].encode(), "application/json")
        else:
            self.give(404, b"no such thing")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients of these tests break off as they like


class SecureServer(Server):
    """The handshake belongs to the connection's thread: no client holds up the others."""

    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = context

    def finish_request(self, request, address):
        request.settimeout(30)
        with self.context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, address)


def main():
    place = pathlib.Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    make_certificates(place)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "server.pem", place / "server.key")
    secure, plain = SecureServer(context), Server(("127.0.0.1", 0), Handler)
    for server in (secure, plain):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("https", secure.server_port, "http", plain.server_port, flush=True)
    for line in sys.stdin:
        if line == "asked\n":
            print("asked", script["asked"], script["form"], flush=True)
            continue
        status, _, body = line.rstrip("\n").partition(" ")
        script.update(status=int(status), body=body, asked=0, form="")
        print("scripted", flush=True)


main()
