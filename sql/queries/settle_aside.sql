-- One outcome that is refused otherwise: his verdict is counted, without all that is said of it, and
-- the whole is kept for people. Who was buried and has a verdict meanwhile keeps that. $7: a verdict
-- of the outbox's states.
with who as materialized (
	select c.id as campaign_id, coalesce(b.final, false) as over
	from campaigns c
	left join burials b on b.tenant_id = c.tenant_id and b.campaign_id = c.id
		and b.subscriber_id = $4::bigint
	where c.tenant_id = $1::integer and c.id = $2::bigint),
kept as (
	insert into asides (tenant_id, campaign_id, slice_id, subscriber_id, engine_id, attempt, at, why,
		record)
	select $1, campaign_id, $3::bigint, $4, $5::integer, $8::integer, $9::timestamptz, $10::text,
		$11::bytea
	from who
	on conflict do nothing),
noted as (
	insert into delivery_rows (tenant_id, campaign_id, slice_id, subscriber_id, at, revision, status,
		duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause, provider,
		source, site, mx_host, text)
	select $1, campaign_id, $3, $4, $9, 0, 0, 0, 0, $6::integer, 0, 0, 0, $8, 1, not over,
		'set-aside', '', '', '', '', 'the database refused what was to be noted'
	from who),
buried as (
	update burials b set final = true, final_slice_id = $3, verdict = $6, class = 0,
		tries = least($8, 2), provider = ''
	from who where not who.over and b.tenant_id = $1 and b.campaign_id = $2 and b.subscriber_id = $4),
told as (
	update outbox o set state = $7::integer, attempts = greatest(o.attempts, $8), ended_at = now()
	from who where not who.over and o.tenant_id = $1 and o.id = $4),
done as (
	delete from deferrals where tenant_id = $1 and campaign_id = $2 and subscriber_id = $4),
counted as materialized (
	select coalesce(sum(variants_count($1, $2, $5, $6, not over, array[$4])), 0) as kinds from who)
insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider,
	count)
select $1, campaign_id, $5, $6, 0, least($8, 2), not over, '', 1 from who
where (select kinds from counted) >= 0
on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
do update set count = t.count + excluded.count
