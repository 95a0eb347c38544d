-- Those whose journal is lost: started, and nobody knows how it ended. $6: is that final? $7: whose
-- start marks they are, and $8 when each was made. over: whose first engine has told meanwhile what
-- became of him: that counts, this attempt is noted beside it, and no other follows.
with doubt as materialized (
	select w.id, coalesce(d.attempts, 0) + 1 as attempt, coalesce(d.revision, 0) as revision,
		coalesce(d.date_at, w.at) as date_at, d.first_at, coalesce(d.provider, '') as provider,
		coalesce(d.source, '') as source, coalesce(w.at, now()) as marked_at,
		'started at ' || to_char(coalesce(w.at, now()) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
			|| ' UTC or later; its engine''s journal did not come back' as text,
		coalesce(b.final, false) as over
	from unnest($5::bigint[], $8::timestamptz[]) as w(id, at)
	left join deferrals d on d.tenant_id = $1::integer and d.campaign_id = $2::bigint and d.subscriber_id = w.id
	left join burials b on b.tenant_id = $1 and b.campaign_id = $2 and b.subscriber_id = w.id),
noted as (
	insert into delivery_rows (tenant_id, campaign_id, slice_id, subscriber_id, at, date_at, revision,
		status, duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause,
		provider, source, site, mx_host, text)
	select $1, $2, $3::bigint, id, now(), date_at, revision, 4003000, 0, 0, 4, 17, 10, 451,
		attempt, 1, $6::boolean and not over, 'crashed', provider, source, '', '', text
	from doubt),
buried as (
	insert into burials (tenant_id, campaign_id, subscriber_id, slice_id, engine_id, attempt,
		marked_at, final, verdict, class, tries, provider, final_slice_id)
	select $1, $2, id, $3::bigint, $7::integer, attempt, marked_at, $6, 4, 17,
		case when attempt = 1 then 1 else 2 end, provider, $3
	from doubt where not over
	on conflict (tenant_id, campaign_id, subscriber_id) do update set
		slice_id = excluded.slice_id, engine_id = excluded.engine_id, attempt = excluded.attempt,
		marked_at = excluded.marked_at, buried_at = excluded.buried_at, final = excluded.final,
		verdict = excluded.verdict, class = excluded.class, tries = excluded.tries,
		provider = excluded.provider, final_slice_id = excluded.final_slice_id),
waiting as (
	insert into deferrals (tenant_id, campaign_id, subscriber_id, due_at, date_at, first_at, revision,
		attempts, verdict, class, code, status, provider, source, text)
	select $1, $2, id, now(), date_at, coalesce(first_at, now()), revision, attempt, 4, 17, 451,
		4003000, provider, source, text
	from doubt where not $6 and not over
	on conflict (tenant_id, campaign_id, subscriber_id) do update
	set slice_id = null, due_at = now(), attempts = excluded.attempts, verdict = 4),
told as (
	update outbox o set state = 5, class = 17, attempts = doubt.attempt, code = 451,
		reply_status = 4003000, reply = doubt.text, due_at = now(),
		ended_at = case when $6 then now() end
	from doubt where not over and o.tenant_id = $1 and o.id = doubt.id),
done as (
	delete from deferrals d using doubt
	where ($6 or over) and d.tenant_id = $1 and d.campaign_id = $2 and d.subscriber_id = doubt.id),
counted as materialized (
	select variants_count($1, $2, $4::integer, 4, $6, array(select id from doubt where not over))
		+ variants_count($1, $2, $4, 4, false, array(select id from doubt where over)) as kinds)
insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider,
	count)
select $1, $2, $4::integer, 4, 17, case when attempt = 1 then 1 else 2 end, $6 and not over, provider, count(*)
from doubt where (select kinds from counted) >= 0 group by 6, 7, 8
on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
do update set count = t.count + excluded.count
