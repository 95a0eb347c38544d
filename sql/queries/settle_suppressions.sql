-- Dead addresses.
insert into suppressions (tenant_id, address_hash, address, reason, campaign_id)
select $1::integer, address_hash(s.key), s.key, g.reason, g.campaign_id
from unnest($2::bigint[], $3::integer[], $4::bigint[]) as g(subscriber_id, reason, campaign_id)
cross join lateral (select recipient_key($1, g.subscriber_id) as key offset 0) s
where s.key is not null
on conflict do nothing
