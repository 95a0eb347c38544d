"""`make bench-peers`: what a message of 10 KB costs rundbrief, from PostgreSQL until it is settled
there, and what it costs others, in pairs of runs within the same minute on this machine.

usage: compare.py [--only KEYS] [--count N] [--pairs N] [--json FILE] [--keep] [--list]

A pair is a run of ours and one of the peer's to the same sink; who goes first alternates. Ours is
of 10,000 messages, the peer's too unless it is so slow that fewer tell it as well. A ratio is the
peer's CPU time a message divided by ours in that pair; what is judged is the median of the pairs.
What is not here is skipped and has no verdict."""

import argparse
import collections
import pathlib
import statistics
import sys

BENCH = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(BENCH), str(BENCH.parent / "tests" / "live")]
import clients  # noqa: E402
import listmonk  # noqa: E402
import measure  # noqa: E402
import relays  # noqa: E402
import results  # noqa: E402
import rig as r  # noqa: E402
import stage  # noqa: E402
from ours import Ours  # noqa: E402
from peer import Failed, Root  # noqa: E402

# promised: so many times as dear as ours; None: shown only.
Row = collections.namedtuple("Row", "key kind count pairs promised ours", defaults=[10000])
PLAN = (
    Row("smtp-source", clients.SmtpSource, 10000, 5, 1),
    Row("smtp-source-10", clients.SmtpSourceFew, 10000, 3, 1),
    Row("nodemailer", clients.Nodemailer, 10000, 3, 40),
    Row("postfix", relays.Postfix, 10000, 3, 80),
    Row("nodemailer-dkim", clients.NodemailerSigned, 4000, 3, 4),
    Row("nodemailer-dkim-parsed", clients.NodemailerHeld, 3000, 1, None),
    Row("postfix-opendkim", relays.PostfixOpenDkim, 4000, 3, 8),
    Row("haraka", relays.Haraka, 2000, 1, None),
    Row("opensmtpd", relays.OpenSmtpd, 1000, 1, None),
    Row("kumomta", relays.KumoMta, 10000, 3, None),
    Row("kumomta-dkim", relays.KumoMtaSigned, 10000, 3, None),
    Row("listmonk", listmonk.Listmonk, 10000, 3, None),
)
LOOKED_AT = 40  # messages of the first run of each, about
PROOF = 0.1  # of a peer's messages go in its first run; ours is short
ROOTS = {"postfix": ("postfix", "opendkim"), "opensmtpd": ("opensmtpd",), "machine": ()}


class Comparison:
    def __init__(self, name="bench-peers", keep=False):
        self.ours = Ours(name, keep)
        self.roots = {name: Root(name, *packages) for name, packages in ROOTS.items()}
        self.yardstick = self.ours.yardstick.read()
        self.results = []

    def close(self):
        self.ours.close()
        for root in self.roots.values():
            root.close()

    def one(self, peer, row, of_ours, count, *options):
        if of_ours:
            return self.ours.measure(count, peer.signed, peer.ours_connections, *options)
        return peer.measure(count, *options)

    def proof(self, peer, row, of_ours):
        """What is wrong with messages of a first run, which is not counted: the list is new in it, and
        what stands in for the internet."""
        mail = self.ours.rig.place / f"{row.key}-{'ours' if of_ours else 'peer'}.mail"
        count = row.ours if of_ours else max(round(row.count * PROOF), 1)
        self.one(peer, row, of_ours, count, "--store", f"exact:{mail}",
                 "--store-share", f"{min(100, LOOKED_AT * 100 / count):.3g}%")
        return self.look_at(mail, peer.signed, of_ours or peer.distinct)

    def look_at(self, mail, signed, distinct):
        """What is wrong with the messages that were kept; by python3-dkim, not by us."""
        messages = [message for _, _, message in r.exact_messages(mail)]
        if not messages:
            return ["none was kept"]
        faults = [f"{len(message)} bytes" for message in messages
                  if not 9216 <= len(message) <= 12288][:1]
        bodies = {message.split(b"\r\n\r\n", 1)[1] for message in messages}
        if distinct and len(bodies) != len(messages):
            faults.append(f"{len(bodies)} bodies in {len(messages)} messages")
        if signed:
            faults += self.ours.rig.bad_signatures(messages)[:1]
        elif any(b"\ndkim-signature:" in b"\n" + m.lower() for m in messages):
            faults.append("one is signed")
        return faults

    def pair(self, peer, row, index):
        """(ours, peer's), with the yardstick's and their ratio in both."""
        found = {}
        for of_ours in (True, False) if index % 2 == 0 else (False, True):
            found[of_ours] = self.one(peer, row, of_ours, row.ours if of_ours else row.count)
        before, self.yardstick = self.yardstick, self.ours.yardstick.read()
        found[False]["messages"] = row.count
        common = measure.Yardstick.between(before, self.yardstick)
        for run in found.values():
            run |= common | {"ratio": found[False]["cost_usec"] / found[True]["cost_usec"]}
        return found[True], found[False]

    def measure(self, row, checks):
        """All pairs of a row; False when the peer is not here or failed."""
        peer = self.peer(row)
        reason = peer.why_not()
        if reason:
            checks.skip(f"{peer.name}: {reason}")
            return False
        pairs = []
        try:
            faults = [self.proof(peer, row, of_ours) for of_ours in (True, False)]
            for index in range(row.pairs):
                pairs.append(self.pair(peer, row, index))
                show(peer, *pairs[-1])
        except (Failed, RuntimeError) as failure:
            return checks.check(False, f"{peer.name}: {failure}")
        ours, theirs = zip(*pairs)
        self.look_back(peer, row, *faults, checks)
        for system, connections, runs in (("rundbrief", peer.ours_connections, ours),
                                          (peer.name, peer.connections, theirs)):
            settings = {"connections": connections, "signing": "rsa" if peer.signed else "none"}
            found = results.result(f"peers-{row.key}", system,
                                   f"what a message costs beside {peer.name}", settings, runs)
            self.results.append(found)
        found["version"] = peer.version()
        found["verdicts"] = [verdict(peer, row, found)] if row.promised else []
        return True

    def look_back(self, peer, row, ours, theirs, checks):
        for name, count, faults in (("rundbrief", row.ours, ours), (peer.name, row.count, theirs)):
            signed = "signatures verify, " if peer.signed else ""
            checks.check(not faults, f"{name}: {count * row.pairs:,} sent and accepted, each once; of"
                         f" some {signed}sizes and bodies are as they should be"
                         + "".join(f"; {fault}" for fault in faults))

    def peer(self, row):
        root = row.kind.root_name
        return row.kind(self.ours, self.roots[root]) if root else row.kind(self.ours)


def verdict(peer, row, found):
    ratio = found["figures"]["ratio"]["median"]
    strictly = row.promised == 1
    words = f"{peer.name}: {ratio:.2f} times our CPU time a message, promised " + \
        ("more than 1" if strictly else f"at least {row.promised}")
    return {"figure": "ratio", "is": ratio, "bound": "least", "promised": row.promised,
            "holds": ratio > 1 if strictly else ratio >= row.promised, "words": words}


def show(peer, ours, theirs):
    print(f"{peer.name:28} {theirs['cost_usec']:8.1f} us {theirs['messages_per_second']:7,.0f}/s"
          f"   rundbrief {ours['cost_usec']:6.1f} us {ours['messages_per_second']:7,.0f}/s   ratio "
          f"{ours['ratio']:6.2f}   RSA-2048 {ours['signature_usec']:.0f} us", flush=True)


def table(found):
    """Medians, a line a peer."""
    print(f"\n{'medians, CPU us a message':28} {'peer':>9} {'sink':>6} {'/s':>7}  {'rundbrief':>9}"
          f" {'engine':>7} {'sink':>6} {'/s':>7}  {'ratio':>7}  runs")
    for ours, theirs in zip(found[::2], found[1::2]):
        o, t = ({k: v["median"] for k, v in x["figures"].items()} for x in (ours, theirs))
        ratios = theirs["figures"]["ratio"]
        print(f"{theirs['system']:28} {t['cost_usec']:9.1f} {t['sink_cpu_usec']:6.1f} "
              f"{t['messages_per_second']:7,.0f}  {o['cost_usec']:9.1f} {o['engine_cpu_usec']:7.1f} "
              f"{o['sink_cpu_usec']:6.1f} {o['messages_per_second']:7,.0f}  {t['ratio']:7.2f}  "
              f"{ratios['count']} x {t['messages']:,.0f}, ratios {ratios['least']:.2f} to "
              f"{ratios['most']:.2f}")
    yards = [run for x in found for run in x["runs"]]
    if yards:
        plain, masked = (statistics.median(run[k] for run in yards)
                         for k in ("signature_usec", "masked_usec"))
        print(f"a bare RSA-2048 signature meanwhile: {plain:.0f} us"
              + (f", without AVX512-IFMA {masked:.0f}" if masked != plain else ""))
    for version in dict.fromkeys(f"{x['system']}: {x['version']}" for x in found[1::2]):
        print(version)
    for note in results.noise(yards):
        print(f"note: {note}")
    print(flush=True)


def chosen(options):
    rows = [row for row in PLAN if not options.only or row.key in options.only.split(",")]
    unknown = set(options.only.split(",")) - {row.key for row in PLAN} if options.only else ()
    if unknown or not rows:
        sys.exit(f"no such peer: {', '.join(unknown)}; --list tells those there are")
    return [row._replace(count=options.count or row.count, ours=options.count or row.ours,
                         pairs=options.pairs or row.pairs) for row in rows]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="keys of peers, with commas; --list tells them")
    parser.add_argument("--count", type=int, help="messages a run, of both")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--json", default=str(r.ROOT / "build" / "peers.json"))
    parser.add_argument("--keep", action="store_true", help="leave the database for a look")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        for row in PLAN:
            print(f"{row.key:24} {row.kind.name}: {row.pairs} pairs of {row.count:,}")
        return
    rows, checks = chosen(options), r.Checks()
    try:
        comparison = Comparison(keep=options.keep)
    except stage.Unready as error:
        print(f"bench-peers: {error}", file=sys.stderr)
        sys.exit(error.code)
    try:
        for row in rows:
            comparison.measure(row, checks)
        table(comparison.results)
        for found in comparison.results:
            for one in found["verdicts"]:
                checks.check(one["holds"], one["words"])
        results.save(options.json, results.document(r.ROOT / "build" / "rundbrief", r.ROOT,
                                                    comparison.results))
    finally:
        comparison.close()
    checks.end("bench-peers")


if __name__ == "__main__":
    main()
