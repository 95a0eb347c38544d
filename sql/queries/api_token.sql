-- Whom a token is about, and where its link leads (the newest revision that has it).
select (select name from campaigns where tenant_id = $1::int and id = $2::bigint),
	coalesce(
		(select address from subscribers where tenant_id = $1::int and id = $3::bigint),
		(select address from outbox where tenant_id = $1::int and id = $3::bigint)),
	l.target, l.is_liquid
from (select) as one
left join lateral (select target, is_liquid from campaign_links
	where tenant_id = $1::int and campaign_id = $2::bigint and index = $4::int
	order by revision desc limit 1) as l on true
