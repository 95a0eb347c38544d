"""How PostgreSQL runs the statements that every slice needs: a campaign goes out over tables full of
other work, with PostgreSQL's own planner settings, once with fresh statistics and once with those of
empty tables, and auto_explain tells each plan. No large table is read whole, nothing unbounded is
sorted. Then the shape of the schema: what leads its keys.

usage: test_plans.py [SUBSCRIBERS]   200,000 unless told; nothing is sent to most of them"""

import json
import pathlib
import re
import sys
import time

import rig as r
import statements

DOMAINS = {"one.test": "127.0.0.2", "two.test": "127.0.0.3"}
# Of these there is a row for each subscriber, recipient, attempt or slice.
LARGE = ("subscribers", "subscriptions", "suppressions", "suppressions_scoped", "slices", "start_marks",
         "deferrals", "stops", "outbox")  # strikes are few
PARTITIONS = ("deliveries_", "delivery_packs_")
SORT_LIMIT = 20000  # rows: a batch of the ledger has 5,000, a cut as many
# Each must have been seen; most are there in several forms.
HOT = ("cut_lock cut_plain cut_bound cut_ids cut_insert cut_advance slice_lease slice_next_due "
       "slice_mark slice_put_back slice_children read_people_dense read_people_sparse read_left_dense "
       "read_left_sparse read_deferrals_dense read_deferrals_sparse settle_position settle_campaigns "
       "settle_tallies settle_deferrals settle_deferrals_done settle_closed due_claim due_insert due_next "
       "stop_feed engine_heartbeat takeover_find campaign_running campaign_finish health outbox_claim "
       "outbox_settle recover_slices recover_accounts").split()
SENT = 400
YOUNG = 8
PLANS_AGE = 5  # seconds: PLANS_AGE_LEAST (engine/store/pg.h)


def watch(rig):
    place = pathlib.Path((rig.place / "pg" / "pg-place").read_text().strip())
    with open(place / "data" / "postgresql.conf", "a") as f:
        f.write("session_preload_libraries = 'auto_explain'\nauto_explain.log_min_duration = 0\n"
                "auto_explain.log_format = json\nauto_explain.log_nested_statements = on\n"
                "autovacuum = off\n")
    rig.stop_database()
    r.run(r.LIVE / "pg.sh", "start", rig.place / "pg")
    return place / "server.log"


def fill(rig, count):
    """Work of others: a long campaign that is over, one that is paused in its midst, letters that were
    posted, people who left, stops, suppressions."""
    rig.sql(f"""set session_replication_role = replica;
insert into lists (tenant_id, name) values (1, 'main'), (1, 'other'), (1, 'few'), (1, 'thin');
insert into subscribers (tenant_id, address, address_key, domain, attributes)
select 1, a, a, d, jsonb_build_object('first_name', 'n' || i, 'group', i % 10)
from generate_series(1, {count}) i
cross join lateral (select (array['one.test', 'two.test'])[1 + i % 2] as d) x
cross join lateral (select 'r' || i || '@' || d as a) y;
insert into subscriptions (tenant_id, list_id, subscriber_id, state)
select 1, 2, id, case when id % 20 = 0 then 2 else 1 end from subscribers;
insert into subscriptions (tenant_id, list_id, subscriber_id)
select 1, 1, id from subscribers where id > {count} - {SENT};
insert into subscriptions (tenant_id, list_id, subscriber_id)
select 1, 3, id from subscribers where id > {count} - {SENT};
insert into subscriptions (tenant_id, list_id, subscriber_id)
select 1, 4, id from subscribers where id % 401 = 0;
insert into suppressions (tenant_id, address_hash, address, reason)
select 1, address_hash(address_key), address_key, 100 from subscribers where id % 7 = 0;
insert into campaigns (tenant_id, id, name, state, fully_cut, list_ids, launched_at)
select 1, i, 'other ' || i, case i when 1001 then 4 else 2 end, true, '{{2}}', now()
from generate_series(1001, 1002) i;
select campaign_partition(i) from generate_series(1001, 1002) i;
insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, ids, parent_id)
select 1, 1001 + i % 2, case when i % 3 = 0 then 2 else 0 end, case when i % 2 = 0 then 2 else 0 end,
	100, i, i + 100, decode(repeat('01', 100), 'hex'), case when i % 3 = 0 then i - 1 end
from generate_series(1, {count} / 20) i;
insert into start_marks (tenant_id, campaign_id, slice_id, engine_id, epoch, ids)
select 1, 1002, i, 77, 1, decode(repeat('01', 20), 'hex') from generate_series(1, {count} / 20) i;
insert into deferrals (tenant_id, campaign_id, subscriber_id, due_at, revision, attempts, verdict, class,
	code, status, provider, source, text)
select 1, 1002, id, now() - interval '1 minute', 1, 1, 2, 8, 451, 4007001, '', 'default', 'later'
from subscribers where id % 5 = 0;
insert into delivery_rows (campaign_id, slice_id, subscriber_id, at, tenant_id, revision, status, duration_ms,
	size, verdict, class, stage, code, attempt, origin, final, cause, provider, source, site, mx_host, text)
select 1001 + id % 2, id / 100, id, now(), 1, 1, 2000000, 10, 1000, 1, 23, 10, 250, 1, 0, true, '', '',
	'default', '', '', '' from subscribers;
insert into delivery_packs select 1001 + n % 2, n / 2, n * 50, now(), now(), 1, 1, 2000000, 0, 10, 250, 1,
	'delivered', '', 'default', '', '', s, s, s, s, s, array_fill(''::text, array[50])
from generate_series(1, {count} / 50) n, (select array_agg(i) as s from generate_series(0, 49) i) a;
insert into stops (tenant_id, kind, subscriber_id, reason) select 1, 3, id, 103 from subscribers where id % 3 = 0;
insert into campaigns (tenant_id, id, name, kind, state, fully_cut, launched_at)
values (1, 1003, 'letters', 1, 2, true, now());
insert into outbox (template, address, campaign_id, address_key, size, state, due_at, ended_at)
select 'letters', a, 1003, a, 100, 4, now(), now() from (select address_key as a from subscribers where id % 4 = 0) s;
insert into strikes (tenant_id, subscriber_id, rule, count, days, first_at, last_at, provider)
select 1, id, 4, 1, 1, now(), now(), '' from subscribers where id % 30 = 0;
insert into suppressions_scoped (tenant_id, address_hash, address, list_id, reason, subscriber_id, seen_at)
select 1, address_hash(address_key), address_key, 2, 100, id, now() from subscribers where id % 11 = 0;
""")


def plans(log, offset):
    """(name of the statement, plan) of everything that auto_explain has said since."""
    text = log.read_text(errors="replace")[offset:]
    decoder = json.JSONDecoder(strict=False)
    for at in re.finditer(r"duration: [^\n]* plan:\n", text):
        body, _ = decoder.raw_decode(text, text.index("{", at.end()))
        yield statements.name_of(body["Query Text"]), body["Plan"], body["Query Text"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def faults(name, plan):
    for node in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name", "")
        if kind == "Seq Scan" and (table in LARGE or table.startswith(PARTITIONS)):
            yield f"{name} reads {table} whole"
        if "Sort" in kind and node["Plan Rows"] > SORT_LIMIT:
            yield f"{name} sorts {node['Plan Rows']} rows"
        if kind == "Hash Join" and node["Plan Rows"] > 10 * SORT_LIMIT:
            yield f"{name} joins {node['Plan Rows']} rows by hash"


def settled(rig):
    return int(rig.sql("select coalesce(sum(count), 0) from tallies")[0][0])


def drive(rig, checks, log, name):
    """A campaign with every turn: deferrals that come back, a kill, letters, a filter, a pause."""
    offset = len(log.read_text(errors="replace"))
    rig.campaign(name, text="Dear {{ first_name }}\n", lists=["main"])
    rig.campaign(name + "-some", text="Dear {{ first_name }}\n", lists=["few", "main"],
                 filter="$.group == 3")
    rig.campaign(name + "-thin", text="Dear {{ first_name }}\n", lists=["thin"])
    rig.campaign(name + "-post", text="Dear {{ first_name }}\n", lists=[], kind="transactional")
    names = [name, name + "-some", name + "-thin", name + "-post"]
    for each in names:
        rig.command("campaign", "create", rig.place / each)
        rig.command("campaign", "start", each)
    for i in range(3):
        rig.command("post", names[3], "--to", f"{name}{i}@one.test")
    process = rig.popen("serve", stderr=open(rig.place / f"{name}.err", "w"))
    before = settled(rig)
    r.wait_for(lambda: settled(rig) > before + 300, 60)
    rig.stop(process)  # in order: what it held is put back
    process = rig.popen("serve", stderr=open(rig.place / f"{name}.err", "a"))
    r.wait_for(lambda: settled(rig) > before + 500, 60)
    process.kill()
    process.wait()
    process = rig.popen("serve", stderr=open(rig.place / f"{name}.err", "a"))
    done = r.wait_for(lambda: all(rig.report(n)["state"] == "finished" for n in names[:3]), 120, 0.5)
    checks.check(done, f"{name}: the campaigns are finished")
    rig.stop(process)
    rig.command("cancel", names[3])
    return offset


def judge(checks, log, offset, name):
    seen, found = set(), {}
    for statement, plan, text in plans(log, offset):
        if statement == "other":
            # In a function of ours, or the test's own.
            place = "outbox_claim: " if re.search(r"\boutbox [ox]\b", text) else ""
            statement = place or "(" + " ".join(text.split())[:60] + ")"
        seen.add(statement)
        for fault in faults(statement, plan):
            found.setdefault(fault, plan)
    hot = {f: p for f, p in found.items() if not f.startswith(("api_", "import_", "("))}
    for fault, plan in found.items():
        print(f"        {'' if fault in hot else 'not hot: '}{fault}")
        if fault in hot:
            print(json.dumps(plan))
    checks.equal(sorted(hot), [], f"{name}: plans that do not hold")
    missing = [h for h in HOT if h not in seen]
    checks.equal(missing, [], f"{name}: {len(seen)} statements seen; hot ones that were not")


def post(rig, name, first, count):
    """Of one after the other."""
    before = settled(rig)
    for i in range(count):
        rig.command("post", name, "--to", f"{name}{first + i}@one.test")
        r.wait_for(lambda: settled(rig) > before + i, 20)
    return settled(rig) - before


def looked_at(node):
    table = node["Relation Name"] if node["Node Type"] == "Seq Scan" else ""
    return node.get("Index Name", table)


def grown(rig, checks, log, count):
    """An engine that began when there was no letter yet: PostgreSQL keeps plans in which reading all
    letters is as cheap as anything, until it is told to make new ones."""
    rig.sql("truncate outbox")
    rig.sql("analyze outbox")
    rig.campaign("grown", text="Dear {{ first_name }}\n", lists=[], kind="transactional")
    rig.command("campaign", "create", rig.place / "grown")
    rig.command("campaign", "start", "grown")
    process = rig.popen("serve", stderr=open(rig.place / "grown.err", "w"))
    began = time.monotonic()
    checks.check(post(rig, "grown", 0, YOUNG) >= YOUNG, "grown: the first letters ended")
    rig.sql(f"""insert into outbox (template, address, campaign_id, address_key, size, state, due_at, ended_at)
select 'grown', a, 1, a, 100, 4, now(), now()
from generate_series(1, {count}) i cross join lateral (select 'g' || i || '@one.test' as a) x""")
    # Plans are as old as the session was when they were made, so at most as old as it is now, and are
    # made anew when they are twice that.
    time.sleep(1 + max(PLANS_AGE, time.monotonic() - began))
    offset = len(log.read_text(errors="replace"))
    checks.check(post(rig, "grown", YOUNG, 1) >= 1, "grown: one more among many others")
    rig.stop(process)
    rig.command("cancel", "grown")
    seen = [(text if statement == "other" else statement, node)
            for statement, plan, text in plans(log, offset) for node in nodes(plan)
            if looked_at(node).startswith("outbox")]
    whole = [(statement, looked_at(node)) for statement, node in seen
             if " AND " not in node.get("Index Cond", "")]
    checks.equal(whole, [], f"grown: {len(seen)} looks into the outbox, and those that read all of it")
    checks.check({"outbox_claim", "outbox_settle"} <= {s for s, _ in seen},
                 "grown: letters were taken and settled among them")


def greylisting(rig, port=None):
    """It defers some once; a new one knows nobody."""
    return rig.start_sink("--defer", "5%", "--seed", "3", listeners=DOMAINS.values(), port=port)


def prepare(count):
    """Full tables of which the planner believes what it was told when they were empty."""
    rig = r.Rig("plans")
    rig.start_database()
    log = watch(rig)
    rig.start_zone(r.mail_zone(DOMAINS))
    port, sink = greylisting(rig)
    rig.prepare_with(port, engine={"slice_size": 100, "envelopes": 400},
                     default_limits={"message_rate": "150/s"})
    rig.sql("analyze")
    fill(rig, count)
    return rig, log, port, sink


# ---- the schema ----

# What stands on every node as it is (Citus: reference tables), or on none but the first.
SAME_EVERYWHERE = {"verdicts", "classes", "stages", "reasons", "strike_rules", "outbox_states", "mail_host",
                   "tenants"}
LOCAL = {"migrations"}
KEYS = """select t.relname, i.relname, coalesce((select attname from pg_attribute a
	where a.attrelid = t.oid and a.attnum = x.indkey[0]), '(expression)'), x.indisunique, am.amname
from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
join pg_am am on am.oid = i.relam
where t.relnamespace = 'public'::regnamespace order by 1, 2"""
REFERENCES = """select c.conrelid::regclass::text, c.confrelid::regclass::text,
	(select string_agg(attname, ' ' order by k.n) from unnest(c.conkey) with ordinality k(num, n)
		join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num)
from pg_constraint c where c.contype = 'f' and c.connamespace = 'public'::regnamespace"""


def shape(rig, checks):
    loose = []
    for table, index, first, unique, kind in rig.sql(KEYS):
        if table in SAME_EVERYWHERE | LOCAL or first == "tenant_id":
            continue
        # Blocks' summaries of a partition, which is one campaign's and so one tenant's.
        if kind == "brin" and table.startswith(PARTITIONS) and unique == "f":
            continue
        loose.append((index, first))
    checks.equal(loose, [], "keys and indexes that the tenant does not lead")
    tables = {row[0] for row in rig.sql("select relname from pg_class where relkind in ('r', 'p') and "
                                        "relnamespace = 'public'::regnamespace")}
    without = {row[0] for row in rig.sql("select c.relname from pg_class c where relkind in ('r', 'p') and "
                                         "relnamespace = 'public'::regnamespace and not exists (select "
                                         "from pg_attribute a where a.attrelid = c.oid and attname = "
                                         "'tenant_id' and a.attnotnull)")}
    checks.equal(sorted(without - SAME_EVERYWHERE - LOCAL), [], f"of {len(tables)} tables those without a "
                 "tenant")
    crossing = [row for row in rig.sql(REFERENCES)
                if row[1] not in SAME_EVERYWHERE and not row[2].startswith("tenant_id")]
    checks.equal(crossing, [], "references that leave the tenant")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
    checks = r.Checks()
    rig, log, port, sink = prepare(count)
    judge(checks, log, drive(rig, checks, log, "stale"), "stale")
    rig.stop(sink)
    greylisting(rig, port)
    rig.sql("vacuum analyze")
    judge(checks, log, drive(rig, checks, log, "fresh"), "fresh")
    grown(rig, checks, log, count // 10)
    shape(rig, checks)
    rig.close()
    checks.end("plans")


if __name__ == "__main__":
    main()
