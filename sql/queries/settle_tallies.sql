-- Adds a batch's counts.
insert into tallies as t (tenant_id, engine_id, campaign_id, verdict, class, tries, final,
	provider, count)
select $1::integer, $2::integer, g.campaign_id, g.verdict, g.class, g.tries, g.final = 1,
	g.provider, g.count
from unnest($3::bigint[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
	$8::text[], $9::bigint[])
	as g(campaign_id, verdict, class, tries, final, provider, count)
on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
do update set count = t.count + excluded.count
