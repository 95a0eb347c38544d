-- Slices of some campaigns that may hold a person: whether they do, their ids tell. Not $4: the
-- audience's and those that are not settled; $4: the others, which every retry adds to.
select s.campaign_id, s.id, s.kind, s.state, (extract(epoch from s.due_at) * 1000000)::bigint, e.name,
	case when not engine_is_silent(e.heartbeat_at, e.lease, e.left_at) then 'true' else 'false' end,
	s.ids, s.suppressed_ids, s.suppressed_reasons
from unnest($2::bigint[]) c(id)
cross join lateral (
	select * from slices x
	where x.tenant_id = $1::int and x.campaign_id = c.id
		and x.lo_id <= $3::bigint and x.hi_id >= $3::bigint
		and $4::boolean = (x.kind <> 0 and x.state = 2)
	order by x.kind <> 0, x.id desc limit 500) s
left join engines e on e.tenant_id = $1::int and e.id = s.lease_engine_id and s.state in (1, 4)
order by s.campaign_id, s.id desc
