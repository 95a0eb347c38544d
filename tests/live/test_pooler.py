"""A whole campaign through PgBouncer in transaction mode, with three server connections: import,
commands, engine, transactional mail. The pooler is killed in the middle. Nothing is lost, nothing of
ours stays in a session, and two connections of the engine go past it.

usage: test_pooler.py [RECIPIENTS]   2,000 unless told"""

import json
import signal
import sys
import threading
import time

import pooler
import rig as r

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}
SIZE = 3
OURS = ("select application_name, client_addr is null, count(*) from pg_stat_activity where "
        "datname = 'rundbrief' and application_name like 'rundbrief%' group by 1, 2")


class Peak(threading.Thread):
    """The most sessions of ours that the server has seen at a time, and under which names."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        self.rig, self.most, self.names, self.stopping = rig, 0, set(), threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.1):
            rows = self.rig.sql("select application_name from pg_stat_activity where datname = "
                                "'rundbrief' and application_name <> 'psql' "
                                "and backend_type = 'client backend'")
            self.most = max(self.most, len(rows))
            self.names |= {row[0] for row in rows}


def campaign(rig, checks, pool, count):
    log = rig.place / "log"
    process = rig.popen("serve", stderr=open(rig.place / "serve.err", "w"))
    rig.command("campaign", "start", "first")
    checks.check(r.wait_for(lambda: len(r.logged_recipients(log)) > count // 5, 60),
                 "the campaign is under way")
    pool.stop(signal.SIGKILL)
    time.sleep(2)
    pool.start()
    checks.check(r.wait_for(lambda: rig.report("first")["state"] == "finished", 120, 0.3),
                 "it is finished, though the pooler was killed in the middle")
    return process


def transactional(rig, checks):
    log = rig.place / "log"
    rig.campaign("receipt", text="Dear {{ first_name }}, thanks.\n", kind="transactional", lists=[])
    rig.command("campaign", "create", rig.place / "receipt")
    rig.command("campaign", "start", "receipt")
    before = len(r.logged_recipients(log))
    rig.command("post", "receipt", "--to", "once@one.test", "--key", "k1")
    checks.check(r.wait_for(lambda: len(r.logged_recipients(log)) == before + 1, 20),
                 "a transactional message leaves")


def other_commands(rig, checks):
    for words in (("status",), ("top", "--once"), ("recipients", "first", "--limit", "3"),
                  ("lists",), ("nodes",), ("plan", "first"), ("tls-report", "list")):
        said = rig.command(*words, check=False)
        if said.returncode == 2:
            continue  # not a command of this program, or not in this form
        checks.equal((words[0], said.returncode), (words[0], 0), "through the pooler, exit code of")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    checks, rig = r.Checks(), r.Rig("pooler")
    rig.start_database()
    pool = pooler.Pooler(rig, SIZE)
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = rig.start_sink("--log-recipients", rig.place / "log", "--reject", "3%", "--defer", "3%",
                                "--seed", "5", listeners=DOMAINS.values())
    rig.configure(**rig.settings(port, database={"conninfo": pool.conninfo}))
    said = rig.command("status", check=False)
    checks.check(said.returncode != 0 and "name it as database.pooler" in said.stderr,
                 "a pooler in the wrong place: " + said.stderr.strip().replace("\n", " "))
    rig.prepare_with(port, database={"conninfo": rig.conninfo, "pooler": pool.conninfo},
                     default_limits={"message_rate": f"{count // 10}/s"})
    peak = Peak(rig)
    r.subscribers_csv(rig.place / "list.csv", count, list(DOMAINS))
    said = json.loads(rig.command("import", rig.place / "list.csv", "--list", "main",
                                  "--json").stdout)
    checks.equal(said["added"], count, "imported through the pooler")
    rig.campaign("first", text="Dear {{ first_name }}, news.\n")
    rig.command("campaign", "create", rig.place / "first")
    process = campaign(rig, checks, pool, count)
    transactional(rig, checks)
    other_commands(rig, checks)
    checks.equal(pool.sql("select count(*) from pg_prepared_statements"), [["0"]],
                 "statements that ours left prepared")
    checks.equal(pool.sql("show statement_timeout"), [["0"]], "statement_timeout of the sessions")
    checks.equal(rig.sql("select count(*) from pg_locks where locktype = 'advisory'"), [["0"]],
                 "locks that a session of ours has kept")
    checks.equal(rig.sql("select count(*) from pg_stat_activity where application_name = "
                         "'rundbrief beat'"), [["1"]], "connections past the pooler")
    checks.equal(rig.sql("select count(*) from pg_stat_activity where application_name = "
                         "'rundbrief urgent'"), [["1"]], "that transactional mail has for itself")
    rig.stop(process)
    peak.stopping.set()
    peak.join()
    # rundbrief init goes past it as well, before anything else.
    checks.check(0 < peak.most <= SIZE + 2, f"the server has seen {peak.most} sessions of ours at "
                 f"most: {SIZE} of the pooler and two past it")
    rig.stop(sink)
    report = rig.report("first")
    checks.adds_up(report, count, sink.counts()["accepted"] - 1)
    checks.equal(sink.counts()["duplicates"], 0, "duplicates at the sink")
    checks.equal(report["in_doubt"], 0, "in doubt")
    pool.stop()
    rig.close()
    checks.end("pooler")


if __name__ == "__main__":
    main()
