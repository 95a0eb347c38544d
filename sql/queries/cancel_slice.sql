-- The recipients of a slice that was never leased get their verdict: cancelled. But for whoever has
-- one from an engine that came back late.
with who as materialized (
	select w.id from unnest($4::bigint[]) as w(id)
	where w.id not in (select b.subscriber_id from burials b
		where b.tenant_id = $1::integer and b.campaign_id = $2::bigint and b.final)),
ended as (
	insert into delivery_rows (tenant_id, campaign_id, slice_id, subscriber_id, at, revision, status,
		duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause, provider,
		source, site, mx_host, text)
	select $1, $2, $3::bigint, id, now(), 0, 5007000, 0, 0, 6, 0, 0, 554, 0, 1,
		true, 'cancelled', '', '', '', '', ''
	from who
	returning 1),
buried as (
	update burials b set final = true, final_slice_id = $3, verdict = 6, class = 0, tries = 0,
		provider = ''
	from who where b.tenant_id = $1 and b.campaign_id = $2 and b.subscriber_id = who.id),
forgotten as (
	delete from deferrals d using unnest($4::bigint[]) as w(id)
	where d.tenant_id = $1 and d.campaign_id = $2 and d.subscriber_id = w.id),
told as (
	update outbox o set state = 7, ended_at = now() from who
	where o.tenant_id = $1 and o.id = who.id),
closed as (
	update slices set state = 3 where tenant_id = $1 and campaign_id = $2 and id = $3),
counted as materialized (
	select variants_count($1, $2, 0, 6, true, array(select id from who)) as kinds)
insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider,
	count)
select $1, $2, 0, 6, 0, 0, true, '', count(*) from ended
having count(*) > 0 and (select kinds from counted) >= 0
on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
do update set count = t.count + excluded.count
