-- Campaigns under way, as their report counts: recipients, and attempts that were deferred. At most
-- 20,001 who wait are counted. share: how much of the numbers the cut has come to.
select c.id, c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	case when c.fully_cut then 'true' else 'false' end,
	case when c.fully_cut or c.cut_mark >= c.highest_id or c.cut_mark <= 0 then 1000000
		else 1 + c.cut_mark * 1000000 / c.highest_id end,
	coalesce(s.targeted, 0), coalesce(t.ended, 0), coalesce(t.delivered, 0),
	coalesce(t.deferrals, 0), coalesce(t.failed, 0), coalesce(t.in_doubt, 0), w.count,
	(extract(epoch from w.next_due) * 1000000)::bigint, coalesce(s.held, 0), coalesce(s.due, 0),
	(extract(epoch from s.next_due) * 1000000)::bigint, c.reason,
	(extract(epoch from o.opens_at) * 1000000)::bigint, coalesce(s.for_winner, 0)
from campaigns c
left join lateral (
	select sum(count + suppressed_count) filter (where kind = 0) as targeted,
		sum(count) filter (where state in (1, 4)) as held,
		sum(count) filter (where state = 0 and due_at <= now()) as due,
		sum(count) filter (where state = 5) as for_winner,
		min(due_at) filter (where state = 0 and due_at > now()) as next_due
	from slices where tenant_id = $1::int and campaign_id = c.id) s on true
left join lateral (
	select sum(count) filter (where final) as ended,
		sum(count) filter (where verdict = 1 and final) as delivered,
		sum(count) filter (where verdict = 2) as deferrals,
		sum(count) filter (where verdict = 3 and final) as failed,
		sum(count) filter (where verdict = 4) as in_doubt
	from tallies where tenant_id = $1::int and campaign_id = c.id) t on true
cross join lateral (
	select count(*), min(x.due_at) as next_due from (
		select d.due_at from deferrals d
		where d.tenant_id = $1::int and d.campaign_id = c.id and d.slice_id is null
		order by d.due_at limit 20001) x) w
cross join lateral (select case when c.state = 1 then
	(select w.changes_at from campaign_window($1::int, c.id) w where not w.is_open) end as opens_at) o
where c.tenant_id = $1::int and c.state in (1, 2)
order by c.id desc
limit 50
