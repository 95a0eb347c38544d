"""Campaigns through relays that want a login.

Through Debian's Dovecot, once by each mechanism that it offers, always over STARTTLS with a
verified certificate; with a wrong password, whose traces are then looked for everywhere. And
through servers that misbehave in the login (auth_servers.py): those that lie get nothing, those that
refuse are left alone, and nobody's mail fails for it.

usage: test_auth.py [MESSAGES]   by each mechanism; 30 unless told, make show-auth: 2,000"""

import base64
import concurrent.futures
import os
import pathlib
import re
import sys
import time

import auth_servers as a
import rig as r
from scene import LIMITS, Scene, secret

USER, PASSWORD = "ann@relay.test", "correct-horse-stapler"
WRONG = "wrong-donkey-battery"
WORKERS = 5


def login(port, password, **keys):
    """Keys of a relay."""
    return {"host": "relay.test", "port": port, "user": USER, "password": password, **keys}


class World:
    """What all scenes share."""

    def __init__(self, rig, checks, count):
        self.rig, self.checks, self.count = rig, checks, count
        self.authority = a.Authority(rig.place / "ca")
        self.servers = []
        self.password = secret(rig.place, "password", PASSWORD)
        self.client_secret = secret(rig.place, "client-secret", "c1ient-secret")
        self.refresh = secret(rig.place, "refresh", "refresh-1")
        self.sink_log = rig.place / "sink.log"
        rig.start_database()
        rig.start_zone(["relay IN A 127.0.0.1"])
        rig.configure(**rig.settings(25))
        rig.command("init")
        self.sink_port, self.sink = rig.start_sink("--log-recipients", self.sink_log)

    def tokens(self, **keys):
        service = a.TokenService(USER)
        for key, value in keys.items():
            setattr(service, key, value)
        self.servers.append(service)
        return service

    def scripted(self, offers, *plays, clear=False, **keys):
        server = a.Scripted(None if clear else self.authority, offers, *plays, **keys)
        self.servers.append(server)
        return server

    def by_token(self, port, service, **keys):
        return {"host": "relay.test", "port": port, "user": USER, "token_endpoint": service.url,
                "client_id": service.client, "client_secret": self.client_secret,
                "refresh_token": self.refresh, **keys}

    def scene(self, name, relays, count=30, routes=None, **changes):
        smtp = {"ca_file": str(self.authority.ca_file), **changes.pop("smtp", {})}
        routes = routes or [("*", {"relays": list(relays)})]
        return Scene(self.rig, self.checks, name, count, smtp=smtp, route=routes,
                     relay=list(relays.items()), **changes)

    def close(self):
        for server in self.servers:
            server.close()


def verbs(server, verb):
    with server.lock:
        return [line for line in server.commands if line.upper().startswith(verb)]


# ---- an honest relay ----


def by_mechanism(world, dovecot, tokens, mechanism):
    name = "by-" + mechanism.lower()
    if mechanism in ("OAUTHBEARER", "XOAUTH2"):
        keys = world.by_token(dovecot.port, tokens, mechanisms=[mechanism])
    else:
        keys = login(dovecot.port, world.password, mechanisms=[mechanism])
    scene = world.scene(name, {name: keys}, world.count)
    scene.start("--quiet")
    # Debian's 2.3 aborts once, on the first RCPT behind a body that it has not answered.
    scene.ends(60 + world.count / 20, in_doubt=4)
    got = scene.got(world.sink_log)
    world.checks.check(len(got) == len(set(got)) == world.count,
                       f"{name}: the sink behind has {len(got)}, each of them once")
    logins = re.findall(r"Login: user=<ann@relay.test>, method=(\S+),.*TLS", dovecot.log_text())
    world.checks.check(mechanism in logins, f"{name}: Dovecot saw {logins.count(mechanism)} logins "
                       "by it, over TLS")


def traces(world, scene, words):
    """Where in all that the engine leaves behind one of these words stands."""
    found = [f"stderr has {w}" for w in words if w in scene.said()]
    dump = r.run("pg_dump", "--data-only", world.rig.conninfo).stdout
    found += [f"database has {w}" for w in words if w in dump]
    for path in pathlib.Path(scene.settings["engine"]["journal"]).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found += [f"{path.name} has {w}" for w in words if w.encode() in data]
    return found


def wrong_password(world, dovecot):
    """Dovecot says 535; then the password is corrected, and the same command goes on."""
    checks, file = world.checks, secret(world.rig.place, "wrong-password", WRONG)
    scene = world.scene("wrong", {"main": login(dovecot.port, file, mechanisms=["PLAIN"])}, 60)
    explained = scene.rig.command("send", scene.name, "--explain").stdout
    process = scene.start("--verbose")
    waits = scene.waits()
    checks.check(waits, "wrong: everybody is deferred")
    time.sleep(3)
    command_line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_text()
    refused = len(re.findall(r"auth failed, \d+ attempts", dovecot.log_text()))
    checks.equal(refused, 1, "wrong: logins that Dovecot refused")
    scene.stop()
    errors = scene.errors("relay-refuses-login")
    checks.check(len(errors) == 1 and 'relay="main"' in errors[0] and "code=535" in errors[0],
                 f"wrong: one ERROR line says so: {errors[:1]}")
    encoded = [base64.b64encode(text).decode() for text in
               (WRONG.encode(), f"\0{USER}\0{WRONG}".encode())]
    found = traces(world, scene, [WRONG, *encoded])
    found += [place for place, text in (("process list", command_line), ("--explain", explained))
              if WRONG in text]
    checks.check(not found, f"wrong: the password stands nowhere{found or ''}")
    secret(world.rig.place, "wrong-password", PASSWORD)
    scene.start("--quiet")
    scene.ends(in_doubt=4)


# ---- servers that lie or refuse ----


def refusing_servers(world):
    """name: (server, keys of the relay, how often AUTH may be begun, what the ERROR line says)"""
    s, plain = world.scripted, {"mechanisms": ["PLAIN"]}

    def scram(*given, **keys):
        return s("SCRAM-SHA-256", a.by_scram(USER, PASSWORD, *given, **keys))

    no_proof = "did not prove"
    return {
        "nonce": (scram("nonce"), {}, 1, "nonce"),
        "signature": (scram("signature"), {}, 1, ""),
        "silent": (scram("silent"), {}, 1, no_proof),
        "lie": (scram("error"), {}, 1, ""),
        "few": (scram(iterations=100), {}, 1, "iterations"),
        "many": (scram(iterations=100_000_000), {}, 1, "iterations"),
        "weak": (s("PLAIN", a.reply_with("534 5.7.9 too weak")), plain, 1, "too weak"),
        "refused": (s("PLAIN", a.reply_with("535 5.7.8 no")), plain, 1, "535"),
        "tls-first": (s("PLAIN", a.reply_with("538 5.7.11 TLS first")), plain, 1, "TLS first"),
        "clear": (s("PLAIN", a.by_password(USER, PASSWORD), clear=True), {"tls": "none"}, 0,
                  "clear"),
        "mute": (s("", a.reply_with("235 2.7.0 ok")), {}, 0, "does not offer"),
        "other": (s("NTLM", a.reply_with("235 2.7.0 ok")), {}, 0, ""),
    }


def refusals(world):
    """One campaign, a domain and a relay for each server."""
    checks, servers = world.checks, refusing_servers(world)
    relays = {name: login(server.port, world.password, **keys)
              for name, (server, keys, _, _) in servers.items()}
    routes = [(f"{name}.test", {"relays": [name]}) for name in servers]
    scene = world.scene("refusals", relays, 40 * len(servers), routes,
                        domains=[f"{name}.test" for name in servers])
    scene.start("--quiet")
    checks.check(scene.waits(), "refusals: everybody is deferred")
    time.sleep(3)
    report = scene.stop()
    checks.equal(report["delivered"], 0, "refusals: delivered")
    for name, (server, _, attempts, words) in servers.items():
        begun, mails = len(verbs(server, "AUTH")), len(verbs(server, "MAIL"))
        checks.check(begun == attempts and mails == 0 and not server.messages,
                     f"{name}: AUTH {begun} times, MAIL {mails} times")
        errors = [line for line in scene.errors("relay-refuses-login")
                  if f'relay="{name}"' in line]
        checks.check(len(errors) == 1 and words in errors[0], f"{name}: {errors}")


def in_clear_allowed(world):
    server = world.scripted("PLAIN", a.by_password(USER, PASSWORD), clear=True)
    scene = world.scene("in-clear", {"main": login(server.port, world.password, tls="none",
                                                   auth_in_clear=True)})
    scene.start("--quiet")
    scene.ends()
    mails = verbs(server, "MAIL")
    world.checks.check(mails and all("AUTH=<>" in line for line in mails),
                       f"in-clear: MAIL says AUTH=<> (RFC 4954 5): {mails[:1]}")


def later(world):
    """454 is for now: the second relay takes all, the first is not called wrong."""
    first = world.scripted("PLAIN", a.reply_with("454 4.7.0 later"))
    second = world.scripted("PLAIN", a.by_password(USER, PASSWORD))
    scene = world.scene("later", {"first": login(first.port, world.password),
                                  "second": login(second.port, world.password, preference=10)})
    scene.start("--quiet")
    scene.ends()
    world.checks.check(verbs(first, "AUTH") and not first.messages and
                       len(second.messages) == scene.count and
                       not scene.errors("relay-refuses-login"),
                       f"later: 454 {len(verbs(first, 'AUTH'))} times, the second relay has "
                       f"{len(second.messages)}, nobody is told to correct a login")


def hangs_up(world):
    """A connection that is lost in the login proves nothing of the password."""
    def gone(session, mechanism, initial):
        raise ConnectionError
    honest = a.by_password(USER, PASSWORD)
    server = world.scripted("PLAIN", gone, honest)
    scene = world.scene("hangs-up", {"main": login(server.port, world.password)}, 5)
    scene.start("--quiet")
    scene.ends()
    world.checks.equal(scene.errors("relay-refuses-login"), [], "hangs-up: called refused")


def wants_login(world):
    """530 to MAIL, of a relay for which no login is configured."""
    server = world.scripted("PLAIN", a.by_password(USER, PASSWORD))
    scene = world.scene("no-login", {"main": {"host": "relay.test", "port": server.port}}, 60)
    scene.start("--quiet")
    r.wait_for(lambda: len(verbs(server, "MAIL")) >= 5, 60)
    time.sleep(4)
    mails = len(verbs(server, "MAIL"))
    scene.stop()
    world.checks.check(5 <= mails <= 30, f"no-login: MAIL was refused with 530 {mails} times, then "
                       "the path rests")
    said = {row["code"] for row in scene.rows("--attempts")}
    world.checks.equal(said, {530}, "no-login: what attempts ended with")


# ---- tokens ----


def stale_token(world):
    """The first token is refused to all connections; one new one serves them all."""
    tokens = world.tokens(answers=[(200, {"access_token": "stale", "token_type": "Bearer",
                                          "expires_in": 3600})])
    server = world.scripted("XOAUTH2 OAUTHBEARER", a.by_token(tokens))
    scene = world.scene("stale", {"main": world.by_token(server.port, tokens)}, 100)
    scene.start("--quiet")
    scene.ends()
    world.checks.check(len(tokens.requests) == 2 and len(server.messages) == scene.count and
                       not scene.errors("relay-refuses-login"),
                       f"stale: {len(tokens.requests)} requests to the token service for "
                       f"{len(verbs(server, 'EHLO')) // 2} connections, nobody is told to correct "
                       "a login")


def spent_for_good(world):
    """Every token is refused, and one that never changes too."""
    tokens = world.tokens()
    for name, keys in (("every", world.by_token(0, tokens)),
                       ("fixed", {"host": "relay.test", "user": USER, "token":
                                  secret(world.rig.place, "fixed-token", "a-token")})):
        server = world.scripted("XOAUTH2", a.reply_with("535 5.7.8 no"))
        scene = world.scene(name, {"main": {**keys, "port": server.port}}, 60)
        scene.start("--quiet")
        world.checks.check(scene.waits(), f"{name}: everybody is deferred")
        time.sleep(1)
        scene.stop()
        begun, allowed = len(verbs(server, "AUTH")), 1 if name == "fixed" else 2
        world.checks.equal((begun, len(scene.errors("relay-refuses-login"))), (allowed, 1),
                           f"{name}: AUTH was begun so often, and said so often to be refused")
    world.checks.equal(len(tokens.requests), 2, "every: requests to the token service")


def expiring_token(world):
    """Tokens live 3 seconds, the campaign 6, each connection two messages."""
    tokens, used = world.tokens(expires_in=3), []
    honest = a.by_token(tokens)

    def play(session, mechanism, initial):
        now = time.monotonic()
        used.append((initial, now))
        return honest(session, mechanism, initial)
    server = world.scripted("XOAUTH2", play)
    limits = {**LIMITS, "connections": 2, "messages_per_connection": 2, "message_rate": "5/s"}
    scene = world.scene("expiry", {"main": world.by_token(server.port, tokens)}, 30,
                        default_limits=limits)
    scene.start("--quiet")
    scene.ends()
    first = {}
    for token, at in used:
        first.setdefault(token, at)
    oldest = max(at - first[token] for token, at in used)
    world.checks.check(len(first) >= 2 and len(tokens.requests) == len(first) and oldest < 3.2,
                       f"expiry: {len(first)} tokens for {len(used)} logins, none was used for "
                       f"longer than {oldest:.1f} s")


def invalid_grant(world):
    tokens = world.tokens(refresh="another")
    server = world.scripted("XOAUTH2", a.by_token(tokens))
    scene = world.scene("grant", {"main": world.by_token(server.port, tokens)}, 60)
    scene.start("--quiet")
    world.checks.check(scene.waits(), "grant: everybody is deferred")
    time.sleep(3)
    scene.stop()
    errors = scene.errors("relay-refuses-login")
    world.checks.check(not verbs(server, "AUTH") and len(errors) == 1 and
                       "invalid_grant" in errors[0] and len(tokens.requests) == 1,
                       f"grant: asked {len(tokens.requests)} times, AUTH never begun: {errors}")
    found = traces(world, scene, ["c1ient-secret", "refresh-1"])
    world.checks.check(not found, f"grant: the secrets stand nowhere{found or ''}")


def token_service_down(world):
    """503 once: that is for now, and the relay is tried again as after any failed connection."""
    tokens = world.tokens(answers=[(503, {"error": "temporarily_unavailable"})])
    server = world.scripted("XOAUTH2", a.by_token(tokens))
    scene = world.scene("service", {"main": world.by_token(server.port, tokens)}, 60)
    scene.start("--quiet")
    scene.ends()
    world.checks.equal(scene.errors("relay-refuses-login"), [], "service: called refused")


SCENES = (token_service_down, hangs_up, refusals, later, wants_login, stale_token, spent_for_good,
          expiring_token, invalid_grant, in_clear_allowed)


def play(world, tasks):
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        futures = {pool.submit(task, world, *rest): task for task, *rest in tasks}
        for future in concurrent.futures.as_completed(futures):
            if error := future.exception():
                world.checks.check(False, f"{futures[future].__name__}: {error!r}")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    checks, rig, world, dovecot = r.Checks(), r.Rig("auth"), None, None
    try:
        world = World(rig, checks, count)
        tasks = [(scene,) for scene in SCENES]
        if os.geteuid() == 0:
            tokens = world.tokens()
            dovecot = a.Dovecot(world.authority, tokens, world.sink_port, USER, PASSWORD)
            checks.check(r.wait_for(dovecot.listens, 20), "Dovecot greets")
            tasks += [(by_mechanism, dovecot, tokens, m) for m in a.DOVECOT_MECHANISMS]
            tasks.append((wrong_password, dovecot))
        else:
            checks.skip("Dovecot in a root of its own: needs root")
        play(world, tasks)
    finally:
        if dovecot:
            dovecot.close()
        if world:
            world.close()
        rig.close()
    checks.end("auth")


if __name__ == "__main__":
    main()
