-- The state of an engine's paths; of several of one path the last counts. An engine that was
-- fenced meanwhile no longer says anything. In the order of keys, so that two saves cannot lock
-- each other out.
insert into path_states as p (tenant_id, engine_id, epoch, site, source, tls_key, provider, state, why,
	held_until, connection_cap, connection_limit, rate_per_day, rate_limit_per_day, open_count,
	waiting_count, in_flight_count, started_minute, delivered, deferred, failed, throttled_at,
	throttle_text, updated_at)
select distinct on (g.site, g.source, g.tls_key) $1::integer, $2::integer, $3::integer, g.site, g.source,
	g.tls_key, g.provider, g.state, g.why, g.held_until, g.connection_cap, g.connection_limit,
	nullif(g.rate_per_day, 0), nullif(g.rate_limit_per_day, 0), g.open_count, g.waiting_count,
	g.in_flight_count, g.started_minute, g.delivered, g.deferred, g.failed, g.throttled_at,
	g.throttle_text, now()
from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
	$10::timestamptz[], $11::integer[], $12::integer[], $13::bigint[], $14::bigint[],
	$15::integer[], $16::integer[], $17::integer[], $18::integer[], $19::bigint[],
	$20::bigint[], $21::bigint[], $22::timestamptz[], $23::text[]) with ordinality
	as g(site, source, tls_key, provider, state, why, held_until, connection_cap,
		connection_limit, rate_per_day, rate_limit_per_day, open_count, waiting_count,
		in_flight_count, started_minute, delivered, deferred, failed, throttled_at,
		throttle_text, at)
order by g.site, g.source, g.tls_key, g.at desc
on conflict (tenant_id, site, source, engine_id, tls_key) do update set
	epoch = excluded.epoch, provider = excluded.provider, state = excluded.state,
	why = excluded.why, held_until = excluded.held_until,
	connection_cap = excluded.connection_cap, connection_limit = excluded.connection_limit,
	rate_per_day = excluded.rate_per_day, rate_limit_per_day = excluded.rate_limit_per_day,
	open_count = excluded.open_count, waiting_count = excluded.waiting_count,
	in_flight_count = excluded.in_flight_count, started_minute = excluded.started_minute,
	delivered = excluded.delivered, deferred = excluded.deferred, failed = excluded.failed,
	throttled_at = excluded.throttled_at, throttle_text = excluded.throttle_text,
	updated_at = excluded.updated_at
where p.epoch <= excluded.epoch
