-- Adds a batch's counts a variant.
insert into variant_tallies as t (tenant_id, engine_id, campaign_id, variant, verdict, final, count)
select $1::integer, $2::integer, g.campaign_id, g.variant, g.verdict, g.final = 1, g.count
from unnest($3::bigint[], $4::integer[], $5::integer[], $6::integer[], $7::bigint[])
	as g(campaign_id, variant, verdict, final, count)
on conflict (tenant_id, campaign_id, engine_id, variant, verdict, final)
do update set count = t.count + excluded.count
