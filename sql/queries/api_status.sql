-- Campaigns that are under way, and what is left of each.
select c.id, c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	coalesce(s.targeted, 0), coalesce(t.ended, 0),
	coalesce(t.delivered, 0), coalesce(f.count, 0), coalesce(t.failed, 0), coalesce(t.in_doubt, 0),
	case when c.fully_cut then 'yes' else 'no' end,
	to_char(c.launched_at, 'YYYY-MM-DD HH24:MI:SS'),
	case when c.reason <> '' then c.reason when x.opens_at is not null
		then 'its send window opens at ' || to_char(x.opens_at, 'YYYY-MM-DD HH24:MI:SS')
		when s.for_winner > 0 then s.for_winner || ' wait for `rundbrief campaign winner`' else '' end
from campaigns c
left join lateral (select sum(count + suppressed_count) as targeted,
		sum(count) filter (where state = 5) as for_winner from slices
	where tenant_id = c.tenant_id and campaign_id = c.id and kind in (0, 3)) s on true
left join lateral (select sum(count) filter (where final) as ended,
		sum(count) filter (where verdict = 1 and final) as delivered,
		sum(count) filter (where verdict = 3 and final) as failed,
		sum(count) filter (where verdict = 4) as in_doubt
	from tallies where tenant_id = c.tenant_id and campaign_id = c.id) t on true
left join lateral (select count(*) from deferrals
	where tenant_id = c.tenant_id and campaign_id = c.id) f on true
cross join lateral (select case when c.state = 1 then
	(select w.changes_at from campaign_window($1::int, c.id) w where not w.is_open) end as opens_at) x
where c.tenant_id = $1::int and (c.state in (1, 2) or c.id = nullif($2::text, '')::bigint)
	and ($2::text = '' or c.id = $2::bigint)
order by c.id desc
