-- What came of a person's last attempt of one campaign, in the slices that hold them; each slice is
-- looked at by itself, through its ranges.
select v.name, case when d.final then 'true' else 'false' end, coalesce(k.name, r.name), d.attempt,
	nullif(d.code, 0), status_text(d.status), d.text, d.mx_host, d.source,
	(extract(epoch from d.at) * 1000000)::bigint
from unnest($3::bigint[]) x(id)
cross join lateral (
	select * from deliveries y
	where y.campaign_id = $2::bigint and y.slice_id = x.id and y.subscriber_id = $4::bigint
		and y.tenant_id = $1::int
	order by y.at desc limit 1) d
join verdicts v on v.number = d.verdict
left join classes k on k.number = d.class and d.verdict <> 5
left join reasons r on r.number = d.class
order by d.at desc limit 1
