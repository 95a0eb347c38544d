-- Campaigns there is work for: running, or cancelled with slices, or rows of the outbox, that nobody
-- has accounted for. Each cancelled one is looked up: what is open of all others is
-- not read for it, which the orders see to: they leave the planner no other way than the index.
select id from campaigns c
where c.tenant_id = $1::integer and c.state = 1
union
select c.id from campaigns c
cross join lateral (
	(select 1 from slices s where s.tenant_id = $1 and s.campaign_id = c.id and s.state = 0
		order by s.due_at limit 1)
	union all
	(select 1 from slices s where s.tenant_id = $1 and s.campaign_id = c.id and s.state = 5
		limit 1)
	union all
	(select 1 from outbox o where o.tenant_id = $1 and o.campaign_id = c.id and o.state = 0
		order by o.priority limit 1)) w
where c.tenant_id = $1 and c.state = 3
order by 1
