-- Campaigns there is work for: running, or cancelled with slices, or rows of the outbox, that nobody
-- has accounted for.
select id from campaigns c
where c.tenant_id = $1::integer and (c.state = 1 or (c.state = 3 and (
	exists (select from slices s where s.tenant_id = $1 and s.campaign_id = c.id and s.state in (0, 5))
	or exists (select from outbox o where o.tenant_id = $1 and o.campaign_id = c.id and o.state = 0))))
order by id
