-- And so do those who waited for another attempt, but for whoever has a verdict from an engine that
-- came back late.
with all_of_them as (
	delete from deferrals d
	where d.tenant_id = $1::integer and d.campaign_id = $2::bigint
	returning d.subscriber_id, d.date_at, d.revision, d.attempts, d.provider, d.source),
forgotten as materialized (
	select a.* from all_of_them a
	where a.subscriber_id not in (select b.subscriber_id from burials b
		where b.tenant_id = $1 and b.campaign_id = $2 and b.final)),
ended as (
	insert into delivery_rows (tenant_id, campaign_id, slice_id, subscriber_id, at, date_at, revision,
		status, duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause,
		provider, source, site, mx_host, text)
	select $1, $2, 0, subscriber_id, now(), date_at, revision, 5007000, 0, 0, 6, 0, 0, 554, 0, 1,
		true, 'cancelled', provider, source, '', '', ''
	from forgotten
	returning provider),
buried as (
	update burials b set final = true, verdict = 6, class = 0, tries = 0, provider = f.provider,
		final_slice_id = 0
	from forgotten f
	where b.tenant_id = $1 and b.campaign_id = $2 and b.subscriber_id = f.subscriber_id
		and not b.final),
told as (
	update outbox o set state = 7, ended_at = now() from forgotten f
	where o.tenant_id = $1 and o.id = f.subscriber_id),
counted as materialized (
	select variants_count($1, $2, 0, 6, true, array(select subscriber_id from forgotten)) as kinds)
insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider,
	count)
select $1, $2, 0, 6, 0, 0, true, provider, count(*) from ended
where (select kinds from counted) >= 0 group by provider
on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
do update set count = t.count + excluded.count
