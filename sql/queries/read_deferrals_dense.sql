-- What earlier attempts left behind, for a range of a campaign.
select d.subscriber_id, d.attempts, d.revision, d.date_at, d.first_at, d.source
from deferrals d
where d.tenant_id = $1::integer and d.campaign_id = $4::bigint
	and d.subscriber_id between $2::bigint and $3::bigint
