-- What stands of each recipient, or (all) every attempt. A deferral stands until it is tried again,
-- and so does one in doubt who will be: as long as it is asked what stands, both are deferred.
select o.address, o.subscriber_id, o.verdict, o.class, o.cause, o.code, o.status, o.text, o.stage,
	o.origin, o.attempt, o.provider, o.mx_host, o.source,
	to_char(o.at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), o.duration_ms,
	case when o.final then 'true' else 'false' end
from outcomes o
where o.tenant_id = $1::int and o.campaign_id = $2::bigint
	and ($3::boolean or o.final
		or (o.verdict in ('deferred', 'in-doubt') and exists (
			select from deferrals f where f.tenant_id = $1::int and f.campaign_id = $2::bigint
				and f.subscriber_id = o.subscriber_id and f.attempts = o.attempt)))
	and ($4::text = '' or $4::text =
		case when $3::boolean or o.final then o.verdict else 'deferred' end)
	and ($5::text = '' or o.class = $5::text)
	and ($6::text = '' or o.provider = case $6::text when 'other' then '' else $6::text end)
	and ($7::text = '' or o.code::text = $7::text)
	and ($8::text = '' or o.cause = $8::text)
	and ($9::text = '' or o.source = $9::text)
	and ($10::text = '' or case $10::text when 'first' then o.attempt = 1 else o.attempt > 1 end)
