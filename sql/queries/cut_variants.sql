-- Whom a cut chose, a variant.
insert into variant_tallies as t (tenant_id, campaign_id, engine_id, variant, verdict, final, count)
select $1::integer, $2::bigint, 0, variant, 0, false, count
from unnest($3::integer[], $4::bigint[]) as v(variant, count)
on conflict (tenant_id, campaign_id, engine_id, variant, verdict, final)
do update set count = t.count + excluded.count
