-- A slice of an engine that is silent. One that is still leased is taken over; one that was taken
-- over is buried when its time has come, or its campaign's is over. Without a date (its engine was
-- back meanwhile) that is $4 from when the engine was last heard of.
select s.id, s.campaign_id, s.count, s.ids, c.in_doubt_policy, s.state, s.lease_engine_id
from engines e
join slices s on s.tenant_id = e.tenant_id and s.lease_engine_id = e.id and s.state in (1, 4)
join campaigns c on c.tenant_id = s.tenant_id and c.id = s.campaign_id and c.state in (1, 3)
where e.tenant_id = $1::integer and e.id <> $2::integer
	and engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
	and ($3::bigint = 0 or s.campaign_id = $3)
	and (s.state = 1 or c.expires_at < now() or coalesce(s.decide_at,
		e.heartbeat_at + $4::bigint * interval '1 microsecond') <= now())
order by s.state, s.id limit 1
for update of s skip locked
