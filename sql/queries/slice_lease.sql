-- Leases the slice that has been due longest, of one or of all running campaigns. The winner is of
-- the same snapshot: whoever leases what waited for it knows it. The last column: somebody of its
-- range was buried and has a verdict none the less.
with next as (
	select s.campaign_id, s.id, c.winner
	from campaigns c
	cross join lateral (
		select x.campaign_id, x.id, x.due_at from slices x
		where x.tenant_id = $1::integer and x.campaign_id = c.id and x.state = 0
			and x.due_at <= now()
		order by x.due_at, x.id limit 1 for update skip locked) s
	where c.tenant_id = $1 and c.state = 1 and c.id >= $4::bigint
		and c.id <= coalesce(nullif($4, 0), 9223372036854775807)
		and exists (select from engines e
			where e.tenant_id = $1 and e.id = $2::integer and e.epoch = $3::integer)
	order by s.due_at, s.id limit 1)
update slices s set state = 1, lease_engine_id = $2, lease_epoch = $3, lease_token = $5::bigint
from next n
where s.tenant_id = $1 and s.campaign_id = n.campaign_id and s.id = n.id
returning s.id, s.campaign_id, s.kind, s.count, s.ids, n.winner,
	s.kind in (1, 2) and exists (select from burials b
		where b.tenant_id = $1 and b.campaign_id = s.campaign_id and b.final
			and b.subscriber_id between s.lo_id and s.hi_id)
