-- Campaigns there is work for: running, or cancelled with slices that nobody has accounted for.
select id from campaigns c
where c.tenant_id = $1::integer and (c.state = 1 or (c.state = 3 and exists (
	select from slices s where s.tenant_id = $1 and s.campaign_id = c.id and s.state = 0)))
order by id
