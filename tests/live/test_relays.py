"""Ways that the configuration lays: relays, routes, sources and proxies.

Relays by weight and by preference, and when one is down; routes by domain, provider, list and for
all; LMTP, TLS from the first byte, address literals. Sources with addresses and names of their own;
some that are not there, or go while mail is sent. Proxies (microsocks, HAProxy) that work and that
do not. Connections that are cut. Nobody's mail fails for any of it.

usage: test_relays.py"""

import asyncio
import collections
import os
import sys
import threading
import time

import auth_servers as a
import relay as rl
import rig as r
from namespace import Namespace
from scene import LIMITS, Scene, secret
from test_auth import play

NOWHERE = "192.0.2.77"


class World:
    def __init__(self, rig, checks):
        self.rig, self.checks, self.servers, self.proxies = rig, checks, [], []
        self.authority = a.Authority(rig.place / "ca")
        self.log = rig.place / "sink.log"
        rig.start_database()
        rig.start_zone(["relay IN A 127.0.0.1", "prov IN MX 10 mx.ours", "mx.ours IN A 127.0.0.2",
                        "both IN MX 10 mx.ours", "other IN MX 10 mx.ours"])
        rig.configure(**rig.settings(25))
        rig.command("init")
        self.port, _ = rig.start_sink("--log-recipients", self.log, listeners=[
            f"127.0.0.{i}" for i in range(2, 8)])

    def scene(self, name, relays, count=30, routes=None, **changes):
        """relays: {name: keys}; all mail goes to all of them unless routes say otherwise."""
        routes = routes or [("*", {"relays": list(relays)})]
        changes["smtp"] = {"ca_file": str(self.authority.ca_file), "port": self.port,
                           **changes.pop("smtp", {})}
        return Scene(self.rig, self.checks, name, count, route=routes,
                     relay=[(title, {"tls": "none", "port": self.port, **keys})
                            for title, keys in relays.items()], **changes)

    def plain(self):
        """A server that takes everything and notes from where."""
        server = a.Scripted(None, "", a.reply_with("535 5.7.8 no"), mail=None)
        self.servers.append(server)
        return server

    def proxy(self, kind, name, *login):
        port, place = r.free_port(), self.rig.place / name
        r.run(r.LIVE / "proxy.sh", kind, port, place, *login)
        self.proxies.append(place)
        return port, place

    def close(self):
        for place in self.proxies:
            r.run(r.LIVE / "proxy.sh", "stop", place, check=False)
        for server in self.servers:
            server.close()


def peers(server):
    with server.lock:
        return collections.Counter(server.peers)


# ---- relays and routes ----


def weights(world):
    """Two messages a connection: 200 connections, 3:1 at random; 0.63 to 0.87 is four sigmas."""
    limits = {**LIMITS, "messages_per_connection": 2}
    scene = world.scene("weights", {"heavy": {"host": "127.0.0.2", "weight": 3},
                                    "light": {"host": "127.0.0.3", "weight": 1}}, 400,
                        default_limits=limits)
    scene.start("--quiet")
    scene.ends()
    heavy = len(scene.got(world.log, "127.0.0.2")) / scene.count
    world.checks.check(0.63 <= heavy <= 0.87, f"weights: 3:1, the heavier one has {heavy:.0%}")


def failover(world):
    """The first is down: the second has all. Then it is up, and takes what is left."""
    port = r.free_port("127.0.1.1")
    limits = {**LIMITS, "connections": 2, "messages_per_connection": 5, "message_rate": "40/s"}
    scene = world.scene("failover", {"first": {"host": "127.0.1.1", "port": port},
                                     "second": {"host": "127.0.0.4", "preference": 10}}, 240,
                        default_limits=limits)
    scene.start("--quiet")
    r.wait_for(lambda: len(scene.got(world.log)) > 40, 20)
    log = world.rig.place / "first.log"
    world.rig.start_sink("--log-recipients", log, listeners=["127.0.1.1"], port=port)
    scene.ends()
    first, second = len(scene.got(log)), len(scene.got(world.log, "127.0.0.4"))
    world.checks.check(second > 40 and first > 20 and first + second == scene.count,
                       f"failover: the second had {second} while the first was down, then the "
                       f"first {first}")
    world.checks.equal(scene.report()["deferrals"], 0, "failover: deferrals")


def cut_connections(world):
    """Every second one is cut early: who waits goes on at once, by not many more connections."""
    port = r.free_port("127.0.1.2")
    cutter = rl.Cutter("127.0.1.2", port, ("127.0.0.7", world.port), every=2)
    world.servers.append(cutter)
    scene = world.scene("cuts", {"main": {"host": "127.0.1.2", "port": port}}, 1000,
                        default_limits={**LIMITS, "messages_per_connection": 25})
    scene.start("--quiet")
    scene.ends(in_doubt=30)
    world.checks.check(cutter.cuts >= 5 and cutter.connections <= 4 * cutter.cuts + 8,
                       f"cuts: {cutter.connections} connections, of which {cutter.cuts} were cut")


def precedence(world):
    """A domain before a provider before a list before all."""
    relays = {name: {"host": f"127.0.0.{i}"} for i, name in
              enumerate(("domain", "provider", "list", "all"), 2)}
    routes = [("*", {"relays": ["all"]}), ("list:listed", {"relays": ["list"]}),
              ("provider:ours", {"relays": ["provider"]}), ("both.test", {"relays": ["domain"]})]
    ours = {"provider": [("ours", {"mx": [".ours.test"]})]}
    domains = ("both.test", "prov.test", "far.test")
    for name, wanted in (("listed", (2, 3, 4)), ("unlisted", (2, 3, 5))):
        scene = world.scene(name, relays, 30, routes, domains=domains, **ours)
        scene.start("--quiet")
        scene.ends()
        for domain, last in zip(domains, wanted):
            got = [to for to in scene.got(world.log, f"127.0.0.{last}") if to.endswith(domain)]
            world.checks.equal(len(got), 10, f"{name}: mail for {domain} by 127.0.0.{last}")


def by_lmtp(world):
    """aiosmtpd's LMTP, which refuses one recipient in ten."""
    from aiosmtpd.lmtp import LMTP
    port, loop, taken = r.free_port(), asyncio.new_event_loop(), []

    class Store:
        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith("bad"):
                return "550 5.1.1 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 OK"

        async def handle_DATA(self, server, session, envelope):
            taken.extend(envelope.rcpt_tos)
            return "250 2.0.0 OK"

    def serve():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(loop.create_server(lambda: LMTP(Store(), hostname="lmtp.test"),
                                                   "127.0.0.1", port))
        loop.run_forever()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    emails = [f"{'bad' if i % 10 == 0 else 'good'}-lmtp{i}@people.test" for i in range(50)]
    scene = world.scene("lmtp", {"store": {"host": "127.0.0.1", "port": port,
                                           "protocol": "lmtp"}}, 50, emails=emails)
    process = scene.start("--quiet")
    process.wait(40)
    report = scene.report()
    failed = {row["email"] for row in scene.rows("--verdict", "failed")}
    world.checks.check(report["delivered"] == 45 == len(taken) and
                       failed == {e for e in emails if e.startswith("bad")},
                       f"lmtp: {report['delivered']} delivered, the {report['failed']} that it "
                       "refused have failed")
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def implicit_tls(world):
    server = a.Scripted(world.authority, "PLAIN", a.by_password("ann", "pencil"), implicit=True)
    world.servers.append(server)
    password = secret(world.rig.place, "implicit-password", "pencil")
    scene = world.scene("implicit", {"main": {
        "host": "relay.test", "port": server.port, "implicit_tls": True, "tls": "verify",
        "user": "ann", "password": password}})
    scene.start("--quiet")
    scene.ends()
    world.checks.check(len(server.messages) == scene.count and
                       not any(c.startswith("STARTTLS") for c in server.commands),
                       f"implicit: {len(server.messages)} under TLS from the first byte")


def literals(world):
    """Allowed; taken in and then no longer allowed; and not even taken in."""
    for name, imported, allowed in (("allowed", True, True), ("refused", True, False),
                                    ("rejected", False, False)):
        scene = Scene(world.rig, world.checks, name, 10, domains=["[127.0.0.6]"], port=world.port,
                      smtp={"address_literals": imported})
        scene.settings["smtp"]["address_literals"] = allowed
        scene.rig.configure(**scene.settings)
        scene.start("--quiet").wait(30)
        report, got = scene.report(), len(scene.got(world.log))
        world.checks.equal((report["delivered"], report["failed"], got),
                           (10, 0, 10) if allowed else (0, 10 if imported else 0, 0),
                           f"literals {name}: delivered, failed, at the sink")


# ---- sources ----


def two_sources(world):
    server = world.plain()
    sources = [(f"s{i}", {"address": f"127.0.0.{i}", "helo": f"out{i}.news.test"})
               for i in (21, 22)]
    scene = world.scene("sources", {"main": {"host": "127.0.0.1", "port": server.port}}, 100,
                        source=sources)
    scene.start("--quiet")
    scene.ends()
    found = peers(server)
    world.checks.check(set(found) == {("127.0.0.21", "out21.news.test"),
                                      ("127.0.0.22", "out22.news.test")} and
                       min(found.values()) >= 30,
                       f"sources: each address says its own name: {dict(found)}")


def missing_source(world):
    """One that is not on this machine at start is set aside; alone it ends the command."""
    server = world.plain()
    sources = [("gone", {"address": NOWHERE, "helo": "out1.news.test"}),
               ("here", {"address": "127.0.0.23", "helo": "out2.news.test"})]
    relays = {"main": {"host": "127.0.0.1", "port": server.port}}
    scene = world.scene("missing", relays, 40, source=sources)
    scene.start("--quiet")
    scene.ends()
    said = scene.said()
    world.checks.check(f'source "gone": {NOWHERE} is not an address of this machine' in said and
                       "it is set aside" in said, f"missing: {said.strip()[:200]}")
    world.checks.equal(set(peers(server)), {("127.0.0.23", "out2.news.test")}, "missing: went by")
    lone = world.scene("lone", relays, 5, source=sources[:1])
    lone.start("--quiet").wait(20)
    world.checks.check(lone.process.returncode == 2 and "no source is left" in lone.said() and
                       "is not an address of this machine" in lone.said(),
                       f"lone: exit {lone.process.returncode}: {lone.said().strip()[-120:]}")


def vanishing_source(world):
    """An address goes while mail is sent: what was under way by it may be in doubt, the rest goes
    by the other."""
    space, going, staying = Namespace(world.rig), "10.9.9.1", "10.9.9.2"
    space.add(going)
    space.add(staying)
    log = world.rig.place / "vanishing.log"
    port, _ = world.rig.start_sink("--log-recipients", log, before=space.before)
    limits = {**LIMITS, "connections": 2, "messages_per_connection": 3, "message_rate": "20/s"}
    quick = {key: "2s" for key in ("greeting_timeout", "command_timeout", "data_timeout",
                                   "block_timeout", "end_timeout")}
    scene = world.scene("vanishing", {"main": {"host": "127.0.0.1", "port": port}}, 240,
                        before=space.before, default_limits=limits, smtp=quick,
                        source=[("going", {"address": going, "helo": "out1.news.test"}),
                                ("staying", {"address": staying, "helo": "out2.news.test"})])
    scene.start("--quiet")
    r.wait_for(lambda: len(scene.got(log)) > 40, 20)
    space.remove(going)
    scene.ends(in_doubt=2)
    errors = scene.errors("source-unavailable")
    by = collections.Counter(row["source"] for row in scene.rows("--verdict", "delivered"))
    world.checks.check(len(errors) == 1 and 'source="going"' in errors[0],
                       f"vanishing: {errors}")
    world.checks.check(by["going"] >= 15 and by["staying"] > 120,
                       f"vanishing: {by['going']} went by it before, {by['staying']} by the other")


# ---- proxies ----


def by_proxy(world):
    """The address that the source names would be seen if it did not go by the proxy."""
    login = ("news", "proxy-secret")
    password = secret(world.rig.place, "proxy-password", login[1])
    wrong = secret(world.rig.place, "proxy-wrong", "another")
    for name, kind, given, keys in (
            ("socks", "socks", (), {}),
            ("socks-login", "socks", login, {"proxy_user": "news", "proxy_password": password}),
            ("haproxy", "haproxy", (), {})):
        server, (port, _) = world.plain(), world.proxy(kind, name, *given)
        scheme = "haproxy" if kind == "haproxy" else "socks5"
        source = {"address": "127.0.0.24", "helo": "out.news.test",
                  "proxy": f"{scheme}://127.0.0.1:{port}", **keys}
        relays = {"main": {"host": "127.0.0.1", "port": server.port}}
        scene = world.scene(name, relays, 30, source=[(f"far-{name}", source)])
        scene.start("--quiet")
        scene.ends()
        world.checks.equal(set(peers(server)), {("127.0.0.1", "out.news.test")},
                           f"{name}: the server sees the proxy's connection")
        if given:
            scene = world.scene("socks-wrong", relays, 10, source=[
                ("far-wrong", {**source, "proxy_password": wrong})])
            scene.start("--quiet")
            r.wait_for(lambda: scene.errors("source-unavailable"), 10)
            scene.stop()
            said = scene.said()
            world.checks.check("refused the user or the password" in said and
                               "another" not in said, f"socks-wrong: {said.strip()[:200]}")


def proxy_down(world):
    """It ends while mail is sent: the other source takes what is left."""
    server, (port, place) = world.plain(), world.proxy("socks", "going-down")
    limits = {**LIMITS, "connections": 2, "messages_per_connection": 3, "message_rate": "20/s"}
    far = ("far", {"helo": "far.news.test", "proxy": f"socks5://127.0.0.1:{port}"})
    near = ("near", {"helo": "near.news.test"})
    relays = {"main": {"host": "127.0.0.1", "port": server.port}}
    scene = world.scene("proxy-down", relays, 160, source=[far, near], default_limits=limits)
    scene.start("--quiet")
    r.wait_for(lambda: len(server.peers) > 40, 20)
    r.run(r.LIVE / "proxy.sh", "stop", place)
    scene.ends(in_doubt=2)
    found = collections.Counter(helo for _, helo in peers(server).elements())
    errors = scene.errors("source-unavailable")
    world.checks.check(len(errors) == 1 and 'source="far"' in errors[0], f"proxy-down: {errors}")
    world.checks.check(found["far.news.test"] >= 15 and found["near.news.test"] > 80,
                       f"proxy-down: {dict(found)}")


def only_proxy_down(world):
    """Without another source mail waits, and the engine rests meanwhile."""
    far = ("far-alone", {"proxy": f"socks5://127.0.0.1:{r.free_port()}"})
    scene = world.scene("proxy-only", {"main": {"host": "127.0.0.2"}}, 60, source=[far])
    process = scene.start("--quiet")
    r.wait_for(lambda: scene.errors("source-unavailable"), 60)
    time.sleep(1)
    before = r.cpu_of(process.pid)
    time.sleep(5)
    used = r.cpu_of(process.pid) - before
    report = scene.stop()
    world.checks.check(len(scene.errors("source-unavailable")) == 1 and used < 0.5,
                       f"proxy-only: said once; {used:.2f} s of CPU in 5 s of waiting, "
                       f"{report['deferrals']} deferrals")


SCENES = (vanishing_source, failover, proxy_down, by_proxy, only_proxy_down, cut_connections,
          weights, precedence, by_lmtp, implicit_tls, literals, two_sources, missing_source)


def main():
    checks, rig, world = r.Checks(), r.Rig("relays"), None
    scenes = [s for s in SCENES if not sys.argv[1:] or s.__name__ in sys.argv[1:]]
    if os.geteuid() != 0:
        checks.skip("a source that goes, in a network namespace: needs root")
        scenes.remove(vanishing_source)
    try:
        world = World(rig, checks)
        play(world, [(scene,) for scene in scenes])
    finally:
        if world:
            world.close()
        rig.close()
    checks.end("relays")


if __name__ == "__main__":
    main()
