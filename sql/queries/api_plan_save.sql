-- A forecast in place of the one before.
with old as (
	delete from campaign_forecasts
	where tenant_id = $1::int and campaign_id = $2::bigint
		and provider <> all (select r ->> 'provider' from json_array_elements($3::json) r))
insert into campaign_forecasts as f (tenant_id, campaign_id, provider, recipients, end_after, per_hour,
	hold, start_at)
select $1::int, $2::bigint, r.provider, r.recipients, r.seconds * interval '1 second', r.per_hour,
	r.hold, to_timestamp($4::bigint / 1000000.0)
from json_to_recordset($3::json) as r(provider text, recipients bigint, seconds float8, per_hour float8,
	hold text)
on conflict (tenant_id, campaign_id, provider)
do update set recipients = excluded.recipients, end_after = excluded.end_after,
	per_hour = excluded.per_hour, hold = excluded.hold, start_at = excluded.start_at, made_at = now()
