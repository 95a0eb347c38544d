"""The schema spread by Citus (sql/distribute.sql), and a campaign over it; where the extension is not
there, that sql/distribute.sql at least names every table, and each once.

Debian has no package of Citus: what is not run is reported as not run."""

import pathlib
import re

import rig as r

DOMAINS = {"one.test": "127.0.0.2"}
LOCAL = {"migrations"}


def named():
    text = (r.ROOT / "sql" / "distribute.sql").read_text()
    found = re.findall(r"create_distributed_table\('(\w+)'", text)
    for words in re.findall(r"array\[(.*?)\]", text, re.S):
        found += re.findall(r"'(\w+)'", words)
    return found


def over_citus(rig, checks):
    place = pathlib.Path((rig.place / "pg" / "pg-place").read_text().strip())
    with open(place / "data" / "postgresql.conf", "a") as f:
        f.write("shared_preload_libraries = 'citus'\n")
    rig.stop_database()
    r.run(r.LIVE / "pg.sh", "start", rig.place / "pg")
    rig.sql("create extension citus")
    r.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", rig.conninfo, "-f", r.ROOT / "sql" / "distribute.sql")
    checks.equal(rig.sql("select count(*) from pg_class c where relkind in ('r', 'p') and not relispartition "
                         "and relnamespace = 'public'::regnamespace and relname not in (select "
                         "table_name::text from citus_tables)"), [[str(len(LOCAL))]],
                 "tables that are not spread")
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink(listeners=DOMAINS.values())
    rig.configure(**rig.settings(port))
    r.subscribers_csv(rig.place / "list.csv", 500, list(DOMAINS))
    rig.command("import", rig.place / "list.csv", "--list", "main")
    rig.campaign("spread", text="Dear {{ first_name }}\n")
    rig.command("send", rig.place / "spread", "--quiet")
    rig.stop(sink)
    checks.adds_up(rig.report("spread"), 500, sink.counts()["accepted"])


def main():
    checks, rig = r.Checks(), r.Rig("citus")
    rig.start_database()
    rig.zone_port = 53  # nobody is asked
    rig.prepare_with(1)
    rig.zone_port = None
    tables = {row[0] for row in rig.sql("select relname from pg_class where relkind in ('r', 'p') and not "
                                        "relispartition and relnamespace = 'public'::regnamespace")}
    checks.equal(sorted(tables - LOCAL - set(named())), [], "tables that distribute.sql forgets")
    checks.equal(sorted(set(named()) - tables), [], "tables that it names and that are not there")
    checks.equal(len(named()), len(set(named())), f"of {len(named())} names those that are different")
    if rig.sql("select count(*) from pg_available_extensions where name = 'citus'") == [["0"]]:
        checks.skip("Citus is not here: the schema was not spread, nothing was sent over it")
    else:
        over_citus(rig, checks)
    rig.close()
    checks.end("citus")


if __name__ == "__main__":
    main()
