# The engines that share a database: what each holds, what it waits for, and one that never returns.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_nodes/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
END
run 4 nodes
tells "rundbrief init"
run 0 init
run 0 nodes
is ""
run 0 nodes --json
is "[]"
run 2 nodes forget
tells "which engine"
run 2 nodes lose x
tells "nodes knows forget"
run 2 nodes --yes
tells "goes with forget"
run 3 nodes forget nobody
tells "there is no engine 'nobody'"

# Four engines: one works, one has no source, one is gone amid a slice, one left in order. Of the
# slice's ids 1 to 5, 1 to 4 were marked, 1 is delivered, 4 was put back.
sql "insert into engines (tenant_id, name, epoch, position, heartbeat_at, joined_at, left_at) values
	(1, 'alpha', 3, 4711, now() - interval '3 seconds', now() - interval '1 hour', null),
	(1, 'beta', 1, 0, now() - interval '1 second', now(), null),
	(1, 'gamma' || chr(27) || '[2J', 7, 99, now() - interval '2 minutes', now() - interval '2 hours', null),
	(1, 'delta', 2, 5, now() - interval '1 hour', null, now() - interval '1 hour');
	insert into sources (tenant_id, name, engine_id, epoch, until_at)
	select 1, n, e.id, 3, now() + interval '27 seconds'
	from engines e, unnest(array['out1', 'out2']) n where e.name = 'alpha';
	insert into campaigns (tenant_id, name, state, in_doubt_policy) values (1, 'spring', 1, 0);
	select campaign_partition(id) from campaigns;
	insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, lease_engine_id,
		lease_epoch, ids)
	select 1, c.id, 0, 1, 5, 1, 5, e.id, e.epoch, '\\x0101010101' from campaigns c, engines e
	where e.name like 'gamma%' or e.name = 'alpha';
	insert into start_marks (tenant_id, campaign_id, slice_id, engine_id, epoch, ids)
	select 1, s.campaign_id, s.id, e.id, e.epoch, m.ids
	from slices s join engines e on e.id = s.lease_engine_id,
		(values ('\\x0101'::bytea), ('\\x020101')) m(ids)
	where e.name like 'gamma%';
	insert into slices (tenant_id, campaign_id, kind, count, parent_id, lo_id, hi_id, ids)
	select 1, s.campaign_id, 2, 1, s.id, 4, 4, '\\x04' from slices s
	join engines e on e.id = s.lease_engine_id where e.name like 'gamma%';
	insert into delivery_rows (tenant_id, campaign_id, slice_id, subscriber_id, at, revision, status,
		duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause, provider,
		source, site, mx_host, text)
	select 1, s.campaign_id, s.id, 1, now(), 1, 2000000, 0, 0, 1, 1, 10, 250, 1, 0, true, '', '',
		'', '', '', 'ok' from slices s join engines e on e.id = s.lease_engine_id
	where e.name like 'gamma%';
	insert into path_states (tenant_id, site, source, engine_id, tls_key, epoch, provider, state, why,
		connection_cap, connection_limit, open_count, waiting_count, in_flight_count, started_minute,
		delivered, deferred, failed, throttle_text, updated_at)
	select 1, 'mx.one.test', 'out1', e.id, '', 3, '', 'waiting', 'limit all', 10, 10, 2, 100, 7, 55,
		0, 0, 0, '', now() from engines e where e.name = 'alpha'" >/dev/null
run 0 nodes
prints "alpha: working since "
prints " s ago, epoch 3"
prints "sources out1, out2; 1 slice, 0 marked and not settled"
prints "journal settled up to byte 4,711; 7 in flight, 55 started in the last minute"
prints "waits for limit all"
prints "beta: standby since "
prints "waits for a source: others hold all that it would send from"
prints "delta: left in order at "
prints "another engine that takes over 1 slice, and its journal: 2 recipients are marked"
never_prints "$(printf '\033')"
run 0 nodes --json
is_json
/usr/bin/python3 - <<-END
	import json
	alpha, beta, delta, gamma = json.load(open("out"))
	assert alpha["sources"] == ["out1", "out2"] and alpha["state"] == "working"
	assert (alpha["leased"], alpha["unsettled"], alpha["started_minute"]) == (1, 0, 55)
	assert beta["state"] == "standby" and beta["sources"] == [] and beta["since"]
	assert delta["state"] == "left" and delta["left_at"] and delta["waits_for"] == ""
	assert gamma["state"] == "gone" and gamma["unsettled"] == 2 and gamma["epoch"] == 7
	assert 119 <= gamma["seconds_since_heartbeat"] <= 140 and gamma["decided_at"] is None
END
claim $? "states, holdings and marks of four engines"

sql "update engines set name = 'gamma' where name like 'gamma%'" >/dev/null
run 1 nodes forget alpha --yes
tells "it is not gone"
run 2 nodes forget gamma
tells "2 recipients were marked as started by 'gamma'"
tells "Nothing was done"
[ "$(sql "select count(*) from slices where decide_at is not null")" = 0 ]
claim $? "and nothing was"
run 0 nodes forget gamma --yes
is "gamma is forgotten; slices that others take: 1; recipients that go in doubt: 2"
[ "$(sql "select count(*) from slices where decide_at <= now()")" = 1 ]
claim $? "its slice is decided now, and no other"
run 0 nodes
prints "gamma: given up for good at "
run 0 nodes forget gamma --yes --json
is '{"forgotten":"gamma","slices":1,"unsettled":2}'
run 0 nodes forget delta
is "delta is forgotten; slices that others take: 0; recipients that go in doubt: 0"
