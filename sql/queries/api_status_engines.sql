-- Engines and when they were last heard of; one that is silent for 30 seconds has lost its leases.
select e.name, e.epoch, extract(epoch from now() - e.heartbeat_at)::bigint,
	count(s.id), case when e.heartbeat_at > now() - interval '30 seconds' then 'working' else 'silent' end
from engines e
left join slices s on s.tenant_id = e.tenant_id and s.lease_engine_id = e.id and s.state in (1, 4)
where e.tenant_id = $1::int
group by e.tenant_id, e.id, e.name, e.epoch, e.heartbeat_at
order by e.heartbeat_at desc
limit 50
