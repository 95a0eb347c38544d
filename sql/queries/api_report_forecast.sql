-- Forecast and fact a provider, in microseconds: how long after its start the last first attempt was
-- to be made, and how long after the launch it was.
select f.provider, f.recipients,
	(extract(epoch from f.end_after) * 1000000)::bigint,
	(extract(epoch from t.last_at - c.launched_at) * 1000000)::bigint,
	f.hold
from campaigns c
cross join lateral (
	select * from campaign_forecasts
	where tenant_id = c.tenant_id and campaign_id = c.id) f
left join lateral (
	select provider, max(last_first_attempt_at) as last_at from campaign_provider_times
	where tenant_id = c.tenant_id and campaign_id = c.id and provider = f.provider
	group by provider) t on true
where c.tenant_id = $1::int and c.id = $2::bigint
order by f.recipients desc, f.provider
