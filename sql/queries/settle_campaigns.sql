-- Which campaigns of a batch are still there; they stay until the commit. A journal may tell of
-- one that was deleted meanwhile: its outcomes concern nobody any more.
select id, split::text, hold_out,
	exists(select from burials b where b.tenant_id = $1::integer and b.campaign_id = campaigns.id)
from campaigns
where tenant_id = $1::integer and id = any($2::bigint[])
	and to_regclass('deliveries_' || id) is not null
order by id for key share
