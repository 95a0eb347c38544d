-- Identity, audience and times.
select c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1], c.fully_cut,
	t.settings ->> 'subject', c.revision,
	(select string_agg(l.name, ', ' order by l.name) from lists l
		where l.tenant_id = c.tenant_id and l.id = any (c.list_ids)),
	(select string_agg(l.name, ', ' order by l.name) from lists l
		where l.tenant_id = c.tenant_id and l.id = any (c.excluded_list_ids)),
	c.filter,
	(extract(epoch from c.created_at) * 1000000)::bigint,
	(extract(epoch from c.launched_at) * 1000000)::bigint,
	(extract(epoch from d.first_at) * 1000000)::bigint,
	(extract(epoch from d.last_at) * 1000000)::bigint,
	(extract(epoch from c.finished_at) * 1000000)::bigint,
	coalesce(s.targeted, 0), coalesce(f.count, 0),
	(extract(epoch from f.next_due) * 1000000)::bigint, c.reason, coalesce(s.for_winner, 0)
from campaigns c
left join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
left join lateral (select sum(count + suppressed_count) as targeted,
		sum(count) filter (where state = 5) as for_winner from slices
	where tenant_id = $1 and campaign_id = $2 and kind in (0, 3)) s on true
left join lateral (select count(*), min(due_at) as next_due from deferrals
	where tenant_id = $1 and campaign_id = $2) f on true
left join lateral (select min(coalesce(first_at, last_at)) as first_at, max(last_at) as last_at
	from campaign_provider_times where tenant_id = $1 and campaign_id = $2) d on true
where c.tenant_id = $1::int and c.id = $2::bigint
