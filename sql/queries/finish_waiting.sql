-- How many wait for the winner. When the campaign's time is over they are due, to end as expired.
with over as (
	update slices s set state = 0, due_at = now()
	from campaigns c
	where c.tenant_id = $1::integer and c.id = $2::bigint and c.state = 1 and c.expires_at <= now()
		and s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.state = 5
	returning s.id)
select coalesce(sum(s.count), 0)::bigint from slices s
where s.tenant_id = $1 and s.campaign_id = $2 and s.state = 5 and not exists (select from over)
