-- Freezes what was cut. A slice of suppressed ones only is settled at once; one of those who wait
-- for the winner is nobody's to lease ($13: 5).
with tallied as (
	insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries, final,
		provider, count)
	select $1::integer, $2::bigint, 0, 5, reason, 0, true, '', count
	from unnest($11::integer[], $12::bigint[]) as r(reason, count)
	on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
	do update set count = t.count + excluded.count)
insert into slices (tenant_id, campaign_id, kind, state, count, suppressed_count, lo_id, hi_id,
	ids, suppressed_ids, suppressed_reasons, suppressed_counts)
values ($1, $2, 0, case when $3::integer = 0 then 2 else $13::integer end, $3, $4::integer, $5::bigint,
	$6::bigint, $7::bytea, $8::bytea, $9::bytea, $10::text::jsonb)
returning id
