-- A slice of an engine that has been silent for $4 seconds. One that is still leased is taken
-- over; one that was taken over is buried when its owner's journal has not come back within $5
-- seconds or the campaign has expired.
select s.id, s.campaign_id, s.count, s.ids, c.in_doubt_policy, s.state
from engines e
join slices s on s.tenant_id = e.tenant_id and s.lease_engine_id = e.id and s.state in (1, 4)
join campaigns c on c.tenant_id = s.tenant_id and c.id = s.campaign_id and c.state in (1, 3)
where e.tenant_id = $1::integer and e.id <> $2::integer
	and e.heartbeat_at < now() - $4::bigint * interval '1 second'
	and ($3::bigint = 0 or s.campaign_id = $3)
	and (s.state = 1 or e.heartbeat_at < now() - $5::bigint * interval '1 second'
		or c.expires_at < now())
order by s.state, s.id limit 1
for update of s skip locked
