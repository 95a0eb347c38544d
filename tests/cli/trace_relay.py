"""Relays for dns_trace.sh: one takes ann's password by LOGIN under STARTTLS, one is silent about
nothing: it repeats the password in its refusal. Prints the two ports, and runs until it is ended.
Needs a folder for certificates as argument."""

import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import auth_servers as a  # noqa: E402

PASSWORD = "correct horse"
authority = a.Authority(pathlib.Path(sys.argv[1]))
honest = a.Scripted(authority, "LOGIN SCRAM-SHA-256",
                    lambda session, mechanism, initial:
                    (a.by_password if mechanism == "LOGIN" else a.by_scram)("ann", PASSWORD)(
                        session, mechanism, initial))
parrot = a.Scripted(authority, "PLAIN", a.reply_with(f"535 5.7.8 '{PASSWORD}' is wrong"))
print(honest.port, parrot.port, flush=True)
threading.Event().wait()
