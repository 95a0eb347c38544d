-- A campaign that is to be planned: up to which id its audience reaches, and whether it has begun. A
-- row for each of its lists. And the shares of 10,000 that wait for the winner of its variants, and that
-- are held out.
select case when c.state = 0
		then coalesce((select max(id) from subscribers where tenant_id = $1::int), 0)
		else c.highest_id end,
	c.state,
	(extract(epoch from c.launched_at) * 1000000)::bigint,
	l.name,
	case when c.split = '{}' or c.winner > 0 then 0
		else 10000 - c.hold_out - (select sum(share) from unnest(c.split) share) end,
	c.hold_out
from campaigns c
left join lists l on l.tenant_id = c.tenant_id and l.id = any (c.list_ids)
where c.tenant_id = $1::int and c.id = $2::bigint
order by l.name
