-- All campaigns with what the tallies say of them, the newest first.
select c.id, c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	to_char(c.created_at, 'YYYY-MM-DD HH24:MI'), to_char(c.launched_at, 'YYYY-MM-DD HH24:MI'),
	coalesce(s.targeted, 0), coalesce(t.delivered, 0), coalesce(t.failed, 0)
from campaigns c
left join lateral (
	select sum(count + suppressed_count) filter (where kind in (0, 3)) as targeted
	from slices where tenant_id = c.tenant_id and campaign_id = c.id) s on true
left join lateral (
	select sum(count) filter (where verdict = 1 and final) as delivered,
		sum(count) filter (where verdict = 3 and final) as failed
	from tallies where tenant_id = c.tenant_id and campaign_id = c.id) t on true
where c.tenant_id = $1::int
order by c.id desc
