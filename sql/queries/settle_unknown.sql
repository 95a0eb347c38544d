-- Counts replies that no rule knows, and forgets patterns beyond the limit: those that were seen
-- longest ago, unless this batch has them. In the order of the key, and without waiting for rows
-- to be forgotten, so that two engines cannot lock each other out.
with batch as (
	select g.code, g.stage, g.provider, g.pattern, count(*) as count, min(g.at) as first_seen,
		max(g.at) as last_seen, min(g.example) as example
	from unnest($2::integer[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
		as g(code, stage, provider, pattern, at, example)
	group by g.code, g.stage, g.provider, g.pattern
), oldest as (
	select u.ctid as place
	from unknown_replies u
	where u.tenant_id = $1::integer and u.last_seen <= (
			select x.last_seen from unknown_replies x where x.tenant_id = $1::integer
			order by x.last_seen desc offset $8::integer limit 1)
		and not exists (select from batch b where b.code = u.code and b.stage = u.stage
			and b.provider = u.provider and b.pattern = u.pattern)
	for update skip locked
), forgotten as (
	delete from unknown_replies u using oldest o where u.ctid = o.place
)
insert into unknown_replies as u (tenant_id, code, stage, provider, pattern, count, first_seen,
	last_seen, example)
select $1::integer, b.code, b.stage, b.provider, b.pattern, b.count, b.first_seen, b.last_seen,
	b.example
from batch b
order by b.code, b.stage, b.provider, b.pattern
on conflict (tenant_id, code, stage, provider, pattern) do update set
	count = u.count + excluded.count,
	first_seen = least(u.first_seen, excluded.first_seen),
	last_seen = greatest(u.last_seen, excluded.last_seen)
