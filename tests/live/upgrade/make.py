"""Makes tests/live/upgrade/NAME.tar.xz: what an engine of some version leaves behind when it is
killed amid a campaign: its database (pg_dump), its journal, its secret, and whom the sink had
taken mail for. test_upgrade.py lets the present program take over from there. To be run once for
each version that is published with other tables or another journal:

	tests/live/upgrade/make.py PROGRAM NAME"""

import pathlib
import signal
import subprocess
import sys
import tarfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import rig as r  # noqa: E402

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 4)}


def interrupted(rig):
    """A campaign of which some are delivered, some deferred, some under way, some not begun."""
    rig.prepare(DOMAINS, list(DOMAINS.values()), "--log-recipients", rig.place / "got",
                "--defer", "10%", "--delay", "300",
                engine={"slice_size": 100}, default_limits={"message_rate": "10/s"},
                retry={"first": "10m", "last": "20m"})
    r.subscribers_csv(rig.place / "main.csv", 400, list(DOMAINS))
    rig.command("import", rig.place / "main.csv", "--list", "main")
    rig.command("campaign", "create", rig.campaign("spring", text="Dear {{ first_name }}\n"))
    process = rig.popen("send", "spring", "--quiet")
    r.wait_for(lambda: len(r.logged_recipients(rig.place / "got")) >= 120, 60, 0.02)
    rig.stop(process, signal.SIGKILL)
    time.sleep(0.5)


def nobodys(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def main():
    program, name = sys.argv[1:]
    rig = r.Rig("upgrade-make", program=program)
    interrupted(rig)
    with open(rig.place / "dump.sql", "w") as dump:
        subprocess.run(["pg_dump", "--no-owner", "--no-privileges", rig.conninfo], check=True,
                       stdout=dump)
    with tarfile.open(pathlib.Path(__file__).parent / f"{name}.tar.xz", "w:xz") as tar:
        for part in ("dump.sql", "journal", "secret", "got"):
            tar.add(rig.place / part, part, filter=nobodys)
    rig.close()


if __name__ == "__main__":
    main()
