-- What engines at work do towards one site; and what is remembered of it where none of them has
-- anything to do with it now: that a source may not come before a time.
with busy as (
	select p.*, e.name as engine
	from path_states p
	join engines e on e.tenant_id = p.tenant_id and e.id = p.engine_id and e.epoch = p.epoch
		and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
	where p.tenant_id = $1::int and p.site = $2::text
	order by p.waiting_count desc, p.source, e.name, p.tls_key
	limit 50)
select p.source, p.site, p.provider, p.tls_key, p.engine, p.state, p.why,
	(extract(epoch from p.held_until) * 1000000)::bigint,
	p.connection_cap, p.connection_limit, p.rate_per_day, p.rate_limit_per_day, p.open_count,
	p.waiting_count, p.in_flight_count,
	case when p.updated_at > now() - interval '1 minute' then p.started_minute else 0 end,
	p.delivered, p.deferred, p.failed, (extract(epoch from p.throttled_at) * 1000000)::bigint,
	p.throttle_text, (extract(epoch from p.updated_at) * 1000000)::bigint
from busy p
union all
select m.source, m.site, '', '', '', 'idle',
	case when m.blocked then 'suspended as a sender' else 'suspended' end,
	(extract(epoch from m.suspended_until) * 1000000)::bigint,
	m.connection_cap, m.connection_cap, m.rate_per_hour * 24, m.rate_per_hour * 24, 0,
	0, 0, 0, 0, 0, 0, null, '', (extract(epoch from m.changed) * 1000000)::bigint
from (select * from path_memory
	where tenant_id = $1 and site = $2 and suspended_until > now()
	order by source limit 50) m
where not exists (select from busy b where b.source = m.source)
