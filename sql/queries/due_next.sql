-- When the next deferral will be due.
select min(d.due_at)
from campaigns c
cross join lateral (
	select x.due_at from deferrals x
	where x.tenant_id = $1::integer and x.campaign_id = c.id and x.slice_id is null
	order by x.due_at limit 1) d
where c.tenant_id = $1 and c.state = 1 and ($2::bigint = 0 or c.id = $2)
