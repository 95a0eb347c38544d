-- Dead addresses.
insert into suppressions (tenant_id, address_hash, address, reason, campaign_id)
select s.tenant_id, address_hash(s.address_key), s.address_key, g.reason, g.campaign_id
from unnest($2::bigint[], $3::integer[], $4::bigint[]) as g(subscriber_id, reason, campaign_id)
join subscribers s on s.tenant_id = $1::integer and s.id = g.subscriber_id
on conflict do nothing
