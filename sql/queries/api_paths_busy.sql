-- What engines at work do, the paths where most wait first; idle ones only as far as there is room.
-- Chosen first and put into words then: there may be thousands.
select p.source, p.site, p.provider, p.tls_key, p.engine, p.state, p.why,
	(extract(epoch from p.held_until) * 1000000)::bigint,
	p.connection_cap, p.connection_limit, p.rate_per_day, p.rate_limit_per_day, p.open_count,
	p.waiting_count, p.in_flight_count,
	case when p.updated_at > now() - interval '1 minute' then p.started_minute else 0 end,
	p.delivered, p.deferred, p.failed, (extract(epoch from p.throttled_at) * 1000000)::bigint,
	p.throttle_text, (extract(epoch from p.updated_at) * 1000000)::bigint
from (
	select x.*, e.name as engine
	from path_states x
	join engines e on e.tenant_id = x.tenant_id and e.id = x.engine_id and e.epoch = x.epoch
		and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
	where x.tenant_id = $1::int
	order by x.waiting_count > 0 desc, x.why <> '' desc, x.waiting_count desc, x.state = 'idle',
		x.started_minute desc, x.updated_at desc, x.site, x.source
	limit $2::int) p
order by p.waiting_count > 0 desc, p.why <> '' desc, p.waiting_count desc, p.state = 'idle',
	p.started_minute desc, p.updated_at desc, p.site, p.source
