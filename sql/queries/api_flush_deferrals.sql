-- Deferrals of running and paused campaigns that are due later are due now: of one campaign ($2),
-- provider ($3) or domain ($4), where these are not NULL. In one order, and past those that an
-- engine is just writing, so that nobody is locked out.
with chosen as (
	select d.campaign_id, d.subscriber_id from deferrals d
	join campaigns c on c.tenant_id = $1::int and c.id = d.campaign_id and c.state in (1, 2)
	where d.tenant_id = $1::int and d.slice_id is null and d.due_at > now()
		and ($2::bigint is null or d.campaign_id = $2::bigint)
		and ($3::text is null or d.provider = $3::text)
		and ($4::text is null or exists (select from subscribers s
			where s.tenant_id = $1::int and s.id = d.subscriber_id and s.domain = $4::text))
	order by d.campaign_id, d.subscriber_id for update of d skip locked)
update deferrals d set due_at = now() from chosen x
where d.tenant_id = $1::int and d.campaign_id = x.campaign_id and d.subscriber_id = x.subscriber_id
