"""Why is this not sent yet: a campaign that is throttled, what `top` and `why` say of it on the way,
and what `flush` and `reroute` do. Then the same questions to a database with many recipients.

usage: test_why.py [RECIPIENTS]   in that database; from a million on, answers are timed"""

import json
import re
import sys

import rig as r

DOMAINS = {"slow.test": "127.0.0.2", "paced.test": "127.0.0.3"}
THROTTLE = "421 4.7.28 rate limit exceeded, slow down"
SLOW, PACED = 30, 400
QUERIES = r.ROOT / "sql" / "queries"


# -- a campaign on its way -----------------------------------------------------------------------

def prepare(rig):
    rig.start_database()
    rig.start_zone(r.mail_zone(DOMAINS))
    port, _ = rig.start_sink(listeners=["127.0.0.3"])
    _, throttling = rig.start_sink("--defer", f"100%:{THROTTLE}", "--defer-times", "100",
                                   listeners=["127.0.0.2"], port=port,
                                   count_file=rig.place / "throttling.json")
    rig.configure(**rig.settings(
        port, source=[("out1", {"helo": "out1.news.test"}), ("out2", {"helo": "out2.news.test"})],
        provider=[("pace", {"mx": [".paced.test"], "message_rate": "5/s"})],
        retry={"first": "1h", "last": "2h", "greylist_first": "1h", "expiry": "1d"}))
    rig.command("init")
    csv = rig.place / "people.csv"
    csv.write_text("email\n" + "".join(f"s{i}@slow.test\n" for i in range(SLOW)) +
                   "".join(f"p{i}@paced.test\n" for i in range(PACED)))
    rig.command("import", csv, "--list", "main")
    rig.campaign("spring", text="Hello\n", subject="Hello")
    rig.command("campaign", "create", rig.place / "spring")
    return port, throttling


def top(rig):
    return json.loads(rig.command("top", "--json").stdout)


def why(rig, what):
    return json.loads(rig.command("why", what, "--json").stdout)


def paths_of(said, site):
    return [p for p in said["paths"] if p["site"].endswith(site)]


def is_held(rig, site, by):
    return any(p["held_by"] in by for p in paths_of(top(rig), site))


def looks(rig, checks):
    checks.check(r.wait_for(lambda: is_held(rig, "slow.test", ("suspended", "rate")), 30),
                 "top: what is throttled is held back")
    checks.check(r.wait_for(lambda: is_held(rig, "paced.test", ("rate",)), 30),
                 "top: what has a rate is held back by it")
    shown = rig.command("top", "--once").stdout
    print(shown)
    checks.check(re.search(r"slow\.test .*(suspended|rate), until |slow\.test .*rate 1/min", shown),
                 "top says what holds it, and until when")
    checks.check(re.search(r"paced\.test .*rate [0-9.]+/s", shown), "top names the rate that binds")
    said = top(rig)
    campaign = said["campaigns"][0]
    checks.check(campaign["campaign"] == "spring" and campaign["targeted"] == SLOW + PACED and
                 campaign["per_minute"] is not None, "top counts the campaign")
    checks.check(any(v["provider"] == "pace" and v["waiting"] > 0 for v in said["providers"]),
                 "top: most wait at the provider with the low rate")
    checks.check(said["engines"][0]["works"], "top: the engine works")
    for path in paths_of(said, "paced.test"):
        checks.check(path["rate_limit_per_day"] == 5 * 86400 and path["per_minute"] <= 360,
                     f"from {path['source']} {path['per_minute']} a minute, limit 5/s")


def one_deferred(rig):
    rows = rig.sql("select s.address from deferrals d join subscribers s on s.id = d.subscriber_id"
                   " where d.slice_id is null and s.domain = 'slow.test' order by d.source limit 1")
    return rows[0][0] if rows else None


def answers(rig, checks):
    checks.check(r.wait_for(lambda: one_deferred(rig), 20), "some are deferred")
    email = one_deferred(rig)
    print(rig.command("why", email).stdout)
    said = why(rig, email)
    mail, = said["campaigns"]
    checks.check(mail["verdict"] == "deferred" and mail["next_attempt_at"] and
                 mail["code"] == "421" and "next attempt at" in mail["why"],
                 f"why {email}: deferred, next attempt, last reply")
    checks.check("held back: " in mail["why"], "and the limit in the way")
    print(rig.command("why", "slow.test").stdout)
    place = why(rig, "slow.test")
    checks.check(place["site"] and place["deferred"] and
                 place["deferred"][0]["campaign"] == "spring" and
                 any(p["throttle"].startswith("421 4.7.28") for p in place["paths"]),
                 "why DOMAIN: its site, who waits there, the last throttling reply")
    print(rig.command("why", "spring").stdout)
    campaign = why(rig, "spring")
    checks.check(campaign["why"].startswith("under way on live") and campaign["leased"] > 0,
                 "why CAMPAIGN: under way, with which engine")
    waiting = next((p["email"] for p in reversed(rig.rows("spring", "--attempts"))
                    if p["email"].endswith("@paced.test")), None)
    checks.check(waiting and why(rig, waiting)["campaigns"][0]["verdict"] == "delivered",
                 f"why {waiting}: delivered")


def deferred_sources(rig):
    return {source: int(count) for source, count in
            rig.sql("select source, count(*) from deferrals group by 1")}


def lets_go(rig, checks, port, throttling):
    rig.stop(throttling)
    rig.start_sink("--log-recipients", rig.place / "log", listeners=["127.0.0.2"], port=port,
                   count_file=rig.place / "open.json")
    before = deferred_sources(rig)
    said = json.loads(rig.command("reroute", "--domain", "slow.test", "--to", "out2",
                                  "--json").stdout)
    checks.equal(said["rerouted"], before.get("out1", 0), "reroute moves what waited for out1")
    rows = rig.sql("select s.address from deferrals d join subscribers s on s.id = d.subscriber_id")
    moved = {address for address, in rows}
    said = json.loads(rig.command("flush", "--domain", "slow.test", "--json").stdout)
    checks.check(said["domain"] == "slow.test", f"flush makes {said['deferrals']} more due")
    got = lambda: {a for a, _ in r.logged_recipients(rig.place / "log")}
    checks.check(r.wait_for(lambda: len(got()) == SLOW, 40),
                 f"all {SLOW} have it, an hour before their time")
    return moved


def under_way(rig, checks):
    port, throttling = prepare(rig)
    process = rig.popen("send", "spring", "--quiet")
    looks(rig, checks)
    answers(rig, checks)
    moved = lets_go(rig, checks, port, throttling)
    checks.check(r.wait_for(lambda: process.poll() is not None, 180), "the campaign ends")
    report = rig.report("spring")
    rows = rig.rows("spring", "--verdict", "delivered", "--try", "later")
    checks.equal({row["source"] for row in rows if row["email"] in moved}, {"out2"},
                 f"the {len(moved)} that had waited there went by")
    checks.equal((report["delivered"], report["open"]), (SLOW + PACED, 0), "delivered, open")
    checks.check(r.wait_for(lambda: all(p["state"] == "idle" for p in top(rig)["paths"]), 10),
                 "at the end every path says that it is idle")


# -- many recipients -----------------------------------------------------------------------------

FILL = r"""
insert into lists (tenant_id, name) values (1, 'many');
insert into subscribers (tenant_id, address, address_key, domain)
	select 1, a, a, split_part(a, '@', 2) from (
		select 'p' || n || '@d' || case when n % 3 = 0 then 0 else n % 2000 end || '.test' as a
		from generate_series(1, N) n) x;
insert into subscriptions (tenant_id, list_id, subscriber_id)
	select 1, (select id from lists where name = 'many'), id from subscribers;
insert into engines (tenant_id, name, epoch) values (1, 'many', 1);
insert into campaigns (tenant_id, id, name, state, revision, list_ids, highest_id, cut_mark, launched_at,
		fully_cut)
	select 1, c, 'many' || c, case when c < 105 then 4 else 1 end, 1,
		array[(select id from lists where name = 'many')], N, N, now(), true
	from generate_series(101, 105) c;
select campaign_partition(c) from generate_series(101, 105) c;
-- Ids of which all but the first follow one another.
create function run_of(first bigint, count integer) returns bytea language plpgsql as $$
declare
	b bytea := '';
begin
	while first >= 128 loop
		b := b || set_byte('\x00'::bytea, 0, ((first & 127) | 128)::integer);
		first := first >> 7;
	end loop;
	return b || set_byte('\x00'::bytea, 0, first::integer) || decode(repeat('01', count - 1), 'hex');
end $$;
insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, ids, lease_engine_id,
		lease_epoch)
	select 1, c, 0, case when c = 105 and s > N / 5000 - 2 then 1 else 2 end, 5000,
		(s - 1) * 5000 + 1, s * 5000, run_of((s - 1) * 5000 + 1, 5000),
		(select id from engines where name = 'many'), 1
	from generate_series(101, 105) c, generate_series(1, N / 5000) s;
insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, ids)
	select 1, c, 1, 2, 5000, 1, N, run_of(1 + s, 5000)
	from generate_series(101, 105) c, generate_series(1, 150) s;
insert into delivery_rows (campaign_id, slice_id, subscriber_id, at, tenant_id, revision, status,
		duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause, provider,
		source, site, mx_host, text)
	select c, s.id, g, now(), 1, 1, 2000000, 12, 10240, case when g % 20 = 7 then 2 else 1 end, 0,
		10, 250, 1, 0, g % 20 <> 7, '', 'gmail', 'out1', 'site0', 'mx.site0.test', 'OK queued as 12345678'
	from generate_series(104, 105) c
	join slices s on s.campaign_id = c and s.kind = 0
	cross join lateral generate_series(s.lo_id, s.hi_id) g;
insert into deferrals (tenant_id, campaign_id, subscriber_id, due_at, revision, attempts, verdict, class,
		code, status, provider, source, text, site)
	select 1, 105, g, now() + (g % 7200) * interval '1 second', 1, 1, 2, 7, 421, 4007028,
		(array['gmail', 'yahoo', '', 'outlook'])[1 + (g / 20) % 4], 'out1', 'slow down',
		case when (g / 20) % 4 = 2 then 'd' || g % 2000 || '.test' else 'site' || (g / 20) % 4 end
	from generate_series(7, N, 20) g;
insert into tallies
	select 1, 105, 1, v, 0, 1, v <> 2, p, 50000
	from generate_series(1, 3) v, unnest(array['gmail', 'yahoo', '', 'outlook']) p;
insert into domain_sites
	select 1, 'd' || d || '.test', case when d = 0 then 'site0' else 'd' || d || '.test' end,
		case when d = 0 then 'gmail' else '' end, 'mx', now()
	from generate_series(0, least(N, 100000)) d on conflict do nothing;
insert into path_states
	select 1, case when n = 0 then 'site0' else 'd' || n || '.test' end, 'out1',
		(select id from engines where name = 'many'), '', 1, case when n = 0 then 'gmail' else '' end,
		'waiting', 'rate', now() + interval '1 hour', 5, 20, 1000, 2000, 1, n % 100, 0, 3, 10, 1, 0,
		null, '', now()
	from generate_series(0, 4000) n;
update engines set heartbeat_at = now() + interval '1 hour' where name = 'many';
"""

LARGE = 4500  # rows that a statement may read through: paths are 4,001 here


def fill(rig, count):
    """A second database in the same cluster; rig.conninfo is its own from now on."""
    other = re.sub(r"dbname=\S+", "dbname=many", rig.conninfo)
    rig.sql("create database many")
    rig.config.write_text(rig.config.read_text().replace(rig.conninfo, other))
    rig.conninfo = other
    rig.command("init")
    statements = rig.place / "fill.sql"
    statements.write_text(re.sub(r"\bN\b", str(count), FILL))
    r.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", rig.conninfo, "-f", statements)
    for campaign in (104, 105):
        rig.sql(f"select brin_summarize_new_values('deliveries_{campaign}_slice')")
    rig.sql("vacuum analyze")


def nodes(plan):
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def explain(rig, name, parameters):
    """Milliseconds of planning and execution, and large tables that are read through."""
    text = (QUERIES / f"{name}.sql").read_text()
    for i in range(len(parameters), 0, -1):
        text = text.replace(f"${i + 1}", parameters[i - 1])
    text = text.replace("$1", "1")
    out = r.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", rig.conninfo, "-c",
                "explain (analyze, timing off, format json) " + text).stdout
    plan = json.loads(out)[0]
    large = {n["Relation Name"] for n in nodes(plan["Plan"]) if n["Node Type"] == "Seq Scan" and
             (n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"] > LARGE}
    return plan["Planning Time"] + plan["Execution Time"], large


def many(rig, checks, count):
    fill(rig, count)
    audience, retry = (rig.sql(f"select {f}(id) from slices where campaign_id = 105 and kind = {k}")
                       [0][0] for f, k in (("max", 0), ("max", 1)))
    questions = {
        "why EMAIL": [("api_why_person", ["'p27@d0.test'"]), ("api_why_mail", [str(count)]),
                      ("api_why_slices", ["'{105,104,103,102,101}'", str(count), "false"]),
                      ("api_why_slices", ["'{105}'", str(count), "true"]),
                      ("api_why_deliveries", ["105", f"'{{{audience},{retry}}}'", str(count)]),
                      ("api_place_domain", ["'d0.test'"]), ("api_paths_site", ["'site0'"]),
                      ("api_why_site", ["'gmail'", "'site0'"])],
        "why DOMAIN": [("api_place_domain", ["'d27.test'"]), ("api_paths_site", ["'d27.test'"]),
                       ("api_why_site", ["''", "'d27.test'"])],
        "why CAMPAIGN": [("api_why_campaign", ["105"]), ("api_why_providers", ["105"]),
                         ("api_paths_busy", ["10"])],
        "top": [("api_top_engines", []), ("api_top_campaigns", []), ("api_top_providers", []),
                ("api_paths_busy", ["100"])],
    }
    for what, statements in questions.items():
        best, large = None, set()
        for _ in range(9):
            answers = [explain(rig, name, parameters) for name, parameters in statements]
            taken = sum(ms for ms, _ in answers)
            best = taken if best is None else min(best, taken)
            large = set().union(*(tables for _, tables in answers))
        checks.check(not large, f"{what} reads no large table through" +
                     (f", but {sorted(large)}" if large else "") + f"; {best:.1f} ms")
        if count >= 1000000:
            checks.check(best <= 100, f"{what} of {count} recipients: {best:.1f} ms <= 100 ms")
    last = f"p{count}@d0.test" if count % 3 == 0 else f"p{count}@d{count % 2000}.test"
    checks.check(why(rig, last)["campaigns"], f"why {last} answers")
    checks.check(why(rig, "many105")["deferred"], "why many105 answers")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    rig = r.Rig("why")
    checks = r.Checks()
    under_way(rig, checks)
    many(rig, checks, count // 5000 * 5000)
    checks.end("why")


main()
