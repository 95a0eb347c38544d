-- The recipients of a slice that was never leased get their verdict: cancelled.
with ended as (
	insert into deliveries (tenant_id, campaign_id, slice_id, subscriber_id, at, revision, status,
		duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause, provider,
		source, site, mx_host, text)
	select $1::integer, $2::bigint, $3::bigint, id, now(), 0, 5007000, 0, 0, 6, 0, 0, 554, 0, 1,
		true, 'cancelled', '', '', '', '', ''
	from unnest($4::bigint[]) as w(id)
	returning 1),
forgotten as (
	delete from deferrals d using unnest($4::bigint[]) as w(id)
	where d.tenant_id = $1 and d.campaign_id = $2 and d.subscriber_id = w.id),
buried as (
	update burials b set final = true, verdict = 6, class = 0, tries = 0, provider = '',
		final_slice_id = $3
	from unnest($4::bigint[]) as w(id)
	where b.tenant_id = $1 and b.campaign_id = $2 and b.subscriber_id = w.id and not b.final),
told as (
	update outbox o set state = 7, ended_at = now() from unnest($4::bigint[]) as w(id)
	where o.tenant_id = $1 and o.id = w.id),
closed as (
	update slices set state = 3 where tenant_id = $1 and campaign_id = $2 and id = $3),
counted as materialized (select variants_count($1, $2, 0, 6, true, $4::bigint[]) as kinds)
insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider,
	count)
select $1, $2, 0, 6, 0, 0, true, '', count(*) from ended
having count(*) > 0 and (select kinds from counted) >= 0
on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
do update set count = t.count + excluded.count
