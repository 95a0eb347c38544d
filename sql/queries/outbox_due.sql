-- Rows that are due, of that campaign among those given whose first is the most urgent: by
-- priority, then by time. Looking at each priority apart reads no row that is not wanted. A row is
-- locked as it is taken, and one that another engine has locked is passed over; so many bytes
-- ($4) at once, or one row that is larger.
with target as (
	select c.id
	from campaigns c
	cross join generate_series(9, 0, -1) as p(priority)
	cross join lateral (
		select o.due_at from outbox o
		where o.tenant_id = $1::integer and o.campaign_id = c.id and o.state = 0
			and o.priority = p.priority and o.due_at <= now()
		order by o.due_at, o.id limit 1 for update skip locked) f
	where c.tenant_id = $1 and c.id = any($2::bigint[]) and c.kind = 1 and c.state = 1
	order by p.priority desc, f.due_at limit 1),
due as (
	select o.*, row_number() over () as place
	from generate_series(9, 0, -1) as p(priority)
	cross join lateral (
		select x.campaign_id, x.id, x.address, x.size from outbox x
		where x.tenant_id = $1 and x.campaign_id = (select id from target) and x.state = 0
			and x.priority = p.priority and x.due_at <= now()
			and (x.expires_at is null or x.expires_at > now())
		order by x.due_at, x.id limit $3::bigint for update skip locked) o
	limit $3),
weighed as (
	select campaign_id, id, address, sum(size) over (order by place) - size as before from due)
select campaign_id, id, address from weighed where before < $4::bigint
