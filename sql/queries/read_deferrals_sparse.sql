-- The same for ids that lie far apart.
select d.subscriber_id, d.attempts, d.revision, d.date_at, d.first_at, d.source
from unnest($5::bigint[]) as w(id)
join deferrals d on d.tenant_id = $1::integer and d.campaign_id = $4::bigint
	and d.subscriber_id = w.id and d.subscriber_id between $2::bigint and $3::bigint
