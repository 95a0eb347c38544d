-- What engines at work do towards one site.
select p.source, p.site, p.provider, p.tls_key, e.name, p.state, p.why,
	(extract(epoch from p.held_until) * 1000000)::bigint,
	p.connection_cap, p.connection_limit, p.rate_per_day, p.rate_limit_per_day, p.open_count,
	p.waiting_count, p.in_flight_count,
	case when p.updated_at > now() - interval '1 minute' then p.started_minute else 0 end,
	p.delivered, p.deferred, p.failed, (extract(epoch from p.throttled_at) * 1000000)::bigint,
	p.throttle_text, (extract(epoch from p.updated_at) * 1000000)::bigint
from path_states p
join engines e on e.tenant_id = p.tenant_id and e.id = p.engine_id and e.epoch = p.epoch
	and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
where p.tenant_id = $1::int and p.site = $2::text
order by p.waiting_count desc, p.source, e.name, p.tls_key
limit 50
