"""An upgrade in place: an older version's engine was killed amid a campaign, with open slices, with
deferrals, with transactions under way. Its database is migrated, its journal read, and the campaign
ends: nobody is lost, nobody gets it twice, and who was under way is in doubt by name. Engines and
tables that do not fit together say so."""

import collections
import pathlib
import subprocess
import sys
import tarfile

import rig as r

DOMAINS = {f"site{i}.test": f"127.0.0.{1 + i}" for i in range(1, 4)}
COUNT = 400


def refuses_beside_an_engine(rig, checks, name):
    """As if the newest migration were not applied yet, while an engine is at work."""
    r.wait_for(lambda: rig.sql("select from engines where heartbeat_at > now() - "
                               "interval '10 seconds'"), 20)
    row = rig.sql("delete from migrations where number = (select max(number) from migrations) "
                  "returning number, name, checksum")[0]
    said = rig.command("init", check=False)
    rig.sql(f"insert into migrations values ({row[0]}, '{row[1]}', '{row[2]}')")
    checks.check(said.returncode != 0 and "engine live was at work" in said.stderr,
                 f"{name}: no table changes beside an engine: " + said.stderr.strip())


def take_over(checks, archive):
    name = archive.name.removesuffix(".tar.xz")
    rig = r.Rig("upgrade")
    with tarfile.open(archive) as tar:
        tar.extractall(rig.place)
    rig.start_database()
    with open(rig.place / "dump.sql") as dump:
        subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", rig.conninfo], stdin=dump,
                       check=True, stdout=subprocess.DEVNULL)
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", rig.place / "got",
                                listeners=list(DOMAINS.values()))
    rig.configure(**rig.settings(port))
    before = collections.Counter(a for a, _ in r.logged_recipients(rig.place / "got"))
    left = rig.sql("select state, count(*) from slices group by 1 order by 1")
    # Its heartbeat is as old as the archive, unless this machine's clock is behind it.
    rig.sql("update engines set heartbeat_at = least(heartbeat_at, now() - interval '1 hour')")
    refused = rig.command("serve", check=False, timeout=30)
    checks.check(refused.returncode != 0 and "run rundbrief init" in refused.stderr,
                 f"{name}: older tables are refused: " + refused.stderr.strip())
    checks.check("migrations applied" in rig.command("init").stdout,
                 f"{name}: init brings them up to date, with slices by state {left}")
    with open(rig.place / "err", "w") as err:
        process = rig.popen("serve", "--verbose", stderr=err)
    refuses_beside_an_engine(rig, checks, name)
    checks.check(r.wait_for(lambda: rig.report("spring")["state"] == "finished", 60),
                 f"{name}: the campaign finishes")
    rig.stop(process)
    rig.stop(sink)
    got = collections.Counter(a for a, _ in r.logged_recipients(rig.place / "got"))
    report = rig.report("spring")
    doubted = {row["email"] for row in rig.rows("spring", "--verdict", "in-doubt")}
    recovered = [line for line in (rig.place / "err").read_text().splitlines()
                 if "recovered" in line]
    checks.check("outcomes=" in str(recovered) and "outcomes=0 " not in str(recovered),
                 f"{name}: its journal told: {recovered}")
    checks.check(doubted, f"{name}: {len(before)} had it before, {len(doubted)} are in doubt")
    checks.equal(max(got.values()), 1, f"{name}: copies that anybody got at most")
    everybody = {row[0] for row in rig.sql("select address from subscribers")}
    checks.equal((len(everybody), everybody - set(got) - doubted), (COUNT, set()),
                 f"{name}: nobody is missing who is not in doubt")
    checks.check(report["holds"] and report["open"] == 0 and
                 report["delivered"] + report["in_doubt"] == COUNT,
                 f"{name}: {COUNT} = delivered {report['delivered']} + in doubt "
                 f"{report['in_doubt']}")
    rig.close()


def main():
    checks = r.Checks()
    archives = sorted((pathlib.Path(__file__).parent / "upgrade").glob("*.tar.xz"))
    for archive in archives:
        take_over(checks, archive)
    checks.check(len(archives) > 0, "there is an older version to come from")
    checks.end("upgrade")


if __name__ == "__main__":
    main()
