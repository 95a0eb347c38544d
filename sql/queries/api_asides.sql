-- Outcomes that the database refused, the newest first.
select to_char(a.set_aside_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.name, a.subscriber_id,
	coalesce(s.address, o.address), e.name, a.attempt, encode(a.record, 'hex'), a.why
from asides a
join campaigns c on c.tenant_id = a.tenant_id and c.id = a.campaign_id
left join engines e on e.tenant_id = a.tenant_id and e.id = a.engine_id
left join subscribers s on s.tenant_id = a.tenant_id and s.id = a.subscriber_id
left join outbox o on o.tenant_id = a.tenant_id and o.id = a.subscriber_id
where a.tenant_id = $1::int
order by a.set_aside_at desc, a.subscriber_id
