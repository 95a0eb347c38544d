-- Where the recipients of a campaign are who have no verdict yet. Counts of slices are of
-- recipients.
select (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	case when c.fully_cut then 'true' else 'false' end,
	coalesce(o.due, 0), coalesce(o.later, 0), (extract(epoch from o.next_due) * 1000000)::bigint,
	coalesce(h.leased, 0), h.engines, coalesce(h.orphaned, 0),
	(select count(*) from engines where tenant_id = $1::int
		and not engine_is_silent(heartbeat_at, lease, left_at)),
	(extract(epoch from c.launched_at) * 1000000)::bigint,
	(extract(epoch from c.finished_at) * 1000000)::bigint, c.reason,
	(extract(epoch from x.opens_at) * 1000000)::bigint, coalesce(o.for_winner, 0)
from campaigns c
left join lateral (
	select sum(count) filter (where state = 0 and due_at <= now()) as due,
		sum(count) filter (where state = 0 and due_at > now()) as later,
		min(due_at) filter (where state = 0 and due_at > now()) as next_due,
		sum(count) filter (where state = 5) as for_winner
	from slices where tenant_id = $1::int and campaign_id = c.id and state in (0, 5)) o on true
left join lateral (
	select sum(s.count) filter (where s.state = 1) as leased,
		sum(s.count) filter (where s.state = 4) as orphaned,
		string_agg(distinct e.name, ', ') filter (where s.state = 1) as engines
	from engines e
	join slices s on s.tenant_id = $1::int and s.lease_engine_id = e.id and s.state in (1, 4)
		and s.campaign_id = c.id
	where e.tenant_id = $1::int) h on true
cross join lateral (select case when c.state = 1 then
	(select w.changes_at from campaign_window($1::int, c.id) w where not w.is_open) end as opens_at) x
where c.tenant_id = $1::int and c.id = $2::bigint
