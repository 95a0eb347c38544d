-- When to look again: the next row that will be due (or is, and was not taken), or will be over;
-- and a campaign whose rows are due and which the asking engine has not loaded.
with first as (
	select c.id, c.id = any($2::bigint[]) as known, f.due_at
	from campaigns c
	cross join generate_series(0, 9) as p(priority)
	cross join lateral (
		select o.due_at from outbox o
		where o.tenant_id = $1::integer and o.campaign_id = c.id and o.state = 0
			and o.priority = p.priority
		order by o.due_at limit 1) f
	where c.tenant_id = $1 and c.kind = 1 and c.state = 1)
select least(min(due_at) filter (where known or due_at > now()),
		(select min(expires_at) from outbox
			where tenant_id = $1 and ended_at is null and expires_at > now())),
	min(id) filter (where not known and due_at <= now())
from first
