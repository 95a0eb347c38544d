-- Providers by what engines at work have for them. blocked: paths on which nothing moves for
-- another reason than their pace.
select p.provider, count(*), sum(p.waiting_count),
	coalesce(sum(p.started_minute) filter (where p.updated_at > now() - interval '1 minute'), 0),
	sum(p.delivered), sum(p.deferred), sum(p.failed),
	count(*) filter (where p.state = 'waiting'
		and p.why not in ('', 'rate', 'connections', 'connection rate')),
	(extract(epoch from max(p.throttled_at)) * 1000000)::bigint
from path_states p
join engines e on e.tenant_id = p.tenant_id and e.id = p.engine_id and e.epoch = p.epoch
	and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
where p.tenant_id = $1::int
group by p.provider
order by 3 desc, 4 desc, p.provider
limit 50
