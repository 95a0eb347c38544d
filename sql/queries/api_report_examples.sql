-- One reply for each kind of bad outcome, the commonest kinds first.
select v.name, k.name, g.count, d.code, status_text(d.status), d.text, d.mx_host
from (select verdict, class, sum(count) as count from tallies
	where tenant_id = $1::int and campaign_id = $2::bigint and verdict in (2, 3, 4)
	group by 1, 2 order by 3 desc limit 10) g
join verdicts v on v.number = g.verdict
join classes k on k.number = g.class
left join lateral (select code, status, text, mx_host from deliveries
	where campaign_id = $2::bigint and tenant_id = $1::int and verdict = g.verdict
		and class = g.class limit 1) d on true
order by g.count desc, v.name, k.name
