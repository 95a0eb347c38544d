-- Who of a batch was in doubt because an engine did not come back, and what counts of him now;
-- whether another attempt of his is claimed, and whether his campaign has ended. A row of the outbox
-- may have expired or been cancelled meanwhile. Who waits is locked first: nobody claims him now.
with waiting as materialized (
	select d.campaign_id, d.subscriber_id, d.slice_id
	from unnest($2::bigint[], $3::bigint[]) as w(campaign_id, subscriber_id)
	join deferrals d on d.tenant_id = $1::integer and d.campaign_id = w.campaign_id
		and d.subscriber_id = w.subscriber_id
	order by d.campaign_id, d.subscriber_id
	for update of d)
select b.campaign_id, b.subscriber_id, b.slice_id, b.final_slice_id,
	b.final or coalesce(o.state in (6, 7), false),
	case when b.final or o.state is null then b.verdict when o.state = 6 then 3
		when o.state = 7 then 6 else b.verdict end,
	case when b.final or o.state is null then b.class when o.state = 6 then 18
		when o.state = 7 then 0 else b.class end,
	case when b.final or coalesce(o.state not in (6, 7), true) then b.tries else 0 end,
	b.provider, coalesce(d.slice_id is not null, false),
	c.state = 4 or (c.state = 3 and c.finished_at is not null)
from unnest($2::bigint[], $3::bigint[]) as w(campaign_id, subscriber_id)
join burials b on b.tenant_id = $1::integer and b.campaign_id = w.campaign_id
	and b.subscriber_id = w.subscriber_id
join campaigns c on c.tenant_id = b.tenant_id and c.id = b.campaign_id
left join waiting d on d.campaign_id = b.campaign_id and d.subscriber_id = b.subscriber_id
left join outbox o on o.tenant_id = b.tenant_id and o.id = b.subscriber_id
order by b.campaign_id, b.subscriber_id
for update of b
