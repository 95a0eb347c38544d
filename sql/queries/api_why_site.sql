-- Who waits for another attempt at a site ($3, of provider $2), by campaign: at most 10,001 are
-- counted.
select c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1], w.count,
	(extract(epoch from w.next_due) * 1000000)::bigint
from campaigns c
cross join lateral (
	select count(*), min(x.due_at) as next_due from (
		select d.due_at from deferrals d
		where d.tenant_id = $1::int and d.campaign_id = c.id and d.slice_id is null
			and d.provider = $2::text and d.site = $3::text
		order by d.due_at limit 10001) x) w
where c.tenant_id = $1::int and c.state in (1, 2) and w.count > 0
order by w.count desc, c.id
