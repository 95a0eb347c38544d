-- Who waits for another attempt.
insert into deferrals (tenant_id, campaign_id, subscriber_id, due_at, date_at, first_at, revision,
	attempts, verdict, class, code, status, provider, source, text, site)
select $1::integer, d.campaign_id, d.subscriber_id, d.due_at, d.date_at, d.first_at, d.revision,
	d.attempts, d.verdict, d.class, d.code, d.status, d.provider, d.source, d.text, d.site
from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
	$7::integer[], $8::integer[], $9::integer[], $10::integer[], $11::integer[],
	$12::integer[], $13::text[], $14::text[], $15::text[], $16::text[])
	as d(campaign_id, subscriber_id, due_at, date_at, first_at, revision, attempts, verdict,
		class, code, status, provider, source, text, site)
on conflict (tenant_id, campaign_id, subscriber_id) do update set
	slice_id = null, due_at = excluded.due_at, date_at = excluded.date_at,
	first_at = excluded.first_at, revision = excluded.revision, attempts = excluded.attempts,
	verdict = excluded.verdict, class = excluded.class, code = excluded.code,
	status = excluded.status, provider = excluded.provider, source = excluded.source,
	text = excluded.text, site = excluded.site
