-- When the next open slice will be due; and whether the engine is who it says.
select
	(select min(s.due_at) from campaigns c
	cross join lateral (
		select x.due_at from slices x
		where x.tenant_id = $1::integer and x.campaign_id = c.id and x.state = 0
		order by x.due_at limit 1) s
	where c.tenant_id = $1 and c.state = 1 and c.id >= $4::bigint
		and c.id <= coalesce(nullif($4, 0), 9223372036854775807)),
	exists (select from engines e
		where e.tenant_id = $1 and e.id = $2::integer and e.epoch = $3::integer)
