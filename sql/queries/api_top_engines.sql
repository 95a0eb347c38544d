-- Engines heard of within the hour, and what they hold.
select e.name,
	case when engine_is_silent(e.heartbeat_at, e.lease, e.left_at) then 'silent' else 'working' end,
	extract(epoch from now() - e.heartbeat_at)::bigint,
	(select count(*) from slices s
		where s.tenant_id = $1::int and s.lease_engine_id = e.id and s.state in (1, 4)),
	coalesce(p.open, 0), coalesce(p.waiting, 0), coalesce(p.in_flight, 0), coalesce(p.started, 0)
from engines e
left join (
	select engine_id, epoch, sum(open_count) as open, sum(waiting_count) as waiting,
		sum(in_flight_count) as in_flight,
		sum(started_minute) filter (where updated_at > now() - interval '1 minute') as started
	from path_states where tenant_id = $1::int group by 1, 2) p
	on p.engine_id = e.id and p.epoch = e.epoch
	and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
where e.tenant_id = $1::int and e.heartbeat_at > now() - interval '1 hour'
order by engine_is_silent(e.heartbeat_at, e.lease, e.left_at), e.name
limit 50
