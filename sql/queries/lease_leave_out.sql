-- Who has his verdict leaves the slice that was to try him again, for one that is settled and
-- stands beside it; a slice of which nobody is left ($7 is 0) is settled itself.
with forgotten as (
	delete from deferrals d using unnest($4::bigint[]) as w(id)
	where d.tenant_id = $1::integer and d.campaign_id = $2::bigint and d.subscriber_id = w.id),
beside as (
	insert into slices (tenant_id, campaign_id, kind, state, count, parent_id, lo_id, hi_id, ids)
	select s.tenant_id, s.campaign_id, s.kind, 2, $5::integer, s.parent_id, $4[1], $4[$5], $6::bytea
	from slices s
	where s.tenant_id = $1 and s.campaign_id = $2 and s.id = $3::bigint and $7::integer > 0)
update slices set
	state = case when $7 > 0 then state else 2 end,
	count = case when $7 > 0 then $7 else count end,
	lo_id = case when $7 > 0 then $8::bigint else lo_id end,
	hi_id = case when $7 > 0 then $9::bigint else hi_id end,
	ids = case when $7 > 0 then $10::bytea else ids end
where tenant_id = $1 and campaign_id = $2 and id = $3
