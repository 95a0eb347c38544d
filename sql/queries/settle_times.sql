-- When a batch's attempts ended: the first and the last first attempt of each campaign and provider, and
-- the last of all.
insert into campaign_provider_times as t (tenant_id, engine_id, campaign_id, provider, first_at,
	last_first_attempt_at, last_at)
select $1::integer, $2::integer, g.campaign_id, g.provider, g.first_at, g.last_first_at, g.last_at
from unnest($3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
	as g(campaign_id, provider, first_at, last_first_at, last_at)
on conflict (tenant_id, campaign_id, engine_id, provider)
do update set first_at = least(t.first_at, excluded.first_at),
	last_first_attempt_at = greatest(t.last_first_attempt_at, excluded.last_first_attempt_at),
	last_at = greatest(t.last_at, excluded.last_at)
