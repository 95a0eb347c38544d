"""An engine with an RSA-2048 key tries what its signatures take without ADX, where OpenSSL has a
choice: it begins again with other settings, once to try and once more to take back what does not
help, and is the same process, which sends and signs. The kernel tells with which environment a
program began."""

import os
import pathlib
from unittest import mock

import rig as r

ADX, IFMA = 0x80000, 0x200000
NO_IFMA = f":~{IFMA:#x}"
NOTE, VARIABLE = "RUNDBRIEF_QUICKEN", "OPENSSL_ia32cap"
WORKERS = 4  # threads of an engine, at least: feeder, press, carrier, ledger
COUNT = 50
DOMAINS = {"one.test": "127.0.0.2"}


def has_choice():
    flags = pathlib.Path("/proc/cpuinfo").read_text().split("flags", 1)[-1].split("\n", 1)[0].split()
    return "avx2" in flags and "adx" in flags


def began_with(process):
    """The two variables that the program of this process began with, as it is now."""
    text = pathlib.Path(f"/proc/{process.pid}/environ").read_text()
    found = dict(line.partition("=")[::2] for line in text.split("\0") if line)
    return found.get(NOTE), found.get(VARIABLE)


def turns(process):
    """Whether its threads are there; nothing begins again from then on."""
    return len(os.listdir(f"/proc/{process.pid}/task")) >= WORKERS


def start(rig, *words, **environment):
    """An engine that turns; where it says what it has to say."""
    said = rig.place / "engine.err"
    with mock.patch.dict(os.environ, environment):
        process = rig.popen(*words, "--verbose", stderr=open(said, "w"))
    if not r.wait_for(lambda: process.poll() is not None or turns(process), 30, 0.02) or process.poll():
        raise SystemExit(f"{words[0]} ended: {said.read_text()}")
    return process, said


def serve(rig, **environment):
    """What `rundbrief serve` began with, its name, what it said."""
    process, said = start(rig, "serve", **environment)
    name = pathlib.Path(f"/proc/{process.pid}/comm").read_text().strip()
    began = began_with(process)
    rig.stop(process)
    return began, name, said.read_text()


def tries(rig, checks):
    (note, variable), name, said = serve(rig, **{VARIABLE: NO_IFMA})
    checks.equal(name, rig.program.name, "the process is called")
    if not has_choice():
        checks.equal((note, variable), (None, NO_IFMA), "nothing to choose from here; began with")
        return
    if not checks.check(note is not None, f"it has begun again with {NOTE}={note}"):
        return
    if note.startswith("0 "):
        checks.equal((note, variable), ("0 " + NO_IFMA, NO_IFMA), "without ADX is no gain; taken back")
    else:
        checks.equal((note.split()[1], variable), (NO_IFMA, f":~{ADX | IFMA:#x}"),
                     "it signs more quickly without ADX, and IFMA stays off")
        checks.check("signs-without-adx rsa_usec=" in said, "and says so")


def takes_back(rig, checks):
    (note, variable), *_ = serve(rig, **{VARIABLE: f":~{ADX | IFMA:#x}", NOTE: "1 " + NO_IFMA})
    checks.equal((note, variable), ("0 " + NO_IFMA, NO_IFMA),
                 "a signature took a microsecond with ADX: taken back")
    (note, variable), *_ = serve(rig, **{VARIABLE: f":~{ADX:#x}", NOTE: "1 "})
    checks.equal((note, variable), ("0 ", None), "and nothing is set that was not")


def leaves_alone(rig, checks):
    chosen = "~0x0:~0x200000"
    checks.equal(serve(rig, **{VARIABLE: chosen})[0], (None, chosen), "what somebody has chosen stays")


def needs_such_a_key(rig, checks, port):
    rig.configure(**rig.settings(port, dkim=[rig.keygen("ed", "ed25519")]))
    checks.equal(serve(rig, **{VARIABLE: NO_IFMA})[0], (None, NO_IFMA),
                 "with a key of another kind there is nothing to try; began with")


def signs(rig, checks, count):
    rig.campaign("spring", text="Dear {{ first_name }}\n")
    process, _ = start(rig, "send", rig.place / "spring", **{VARIABLE: NO_IFMA})
    note, _ = began_with(process)
    checks.equal(note is not None, has_choice(), "a campaign's engine has begun again, where there is a choice")
    checks.equal(process.wait(120), 0, "and sends it; exit code")
    messages = [m for *_, m in r.exact_messages(rig.place / "mail")]
    checks.equal(len(messages), count, "messages")
    checks.equal(rig.bad_signatures(messages), [], "signatures that do not verify")


def main():
    checks, rig = r.Checks(), r.Rig("quicken")
    for name in (NOTE, VARIABLE):
        os.environ.pop(name, None)
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, _ = rig.start_sink("--store", f"exact:{rig.place / 'mail'}", listeners=DOMAINS.values())
    # Slowly, so that what the engine began with can be looked at.
    rig.prepare_with(port, dkim=["rsa"], default_limits={"message_rate": "20/s"})
    r.subscribers_csv(rig.place / "main.csv", COUNT, list(DOMAINS))
    rig.command("import", rig.place / "main.csv", "--list", "main")
    tries(rig, checks)
    takes_back(rig, checks)
    leaves_alone(rig, checks)
    signs(rig, checks, COUNT)
    needs_such_a_key(rig, checks, port)
    rig.close()
    checks.end("quicken")


if __name__ == "__main__":
    main()
