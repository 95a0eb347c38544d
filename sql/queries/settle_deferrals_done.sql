-- Who need not wait any more.
delete from deferrals d
using unnest($2::bigint[], $3::bigint[]) as f(campaign_id, subscriber_id)
where d.tenant_id = $1::integer and d.campaign_id = f.campaign_id
	and d.subscriber_id = f.subscriber_id
