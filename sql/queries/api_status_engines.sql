-- Engines and when they were last heard of; one that is silent for its lease has lost what it held.
select e.name, e.epoch, extract(epoch from now() - e.heartbeat_at)::bigint,
	count(s.id), case when e.left_at is not null then 'left'
		when engine_is_silent(e.heartbeat_at, e.lease, e.left_at) then 'silent' else 'working' end
from engines e
left join slices s on s.tenant_id = e.tenant_id and s.lease_engine_id = e.id and s.state in (1, 4)
where e.tenant_id = $1::int
group by e.tenant_id, e.id, e.name, e.epoch, e.heartbeat_at, e.lease, e.left_at
order by e.heartbeat_at desc
limit 50
