-- Recipients of a campaign's audience a domain, the most first, and where its mail went when an
-- engine asked last: of windows of $4 ids, one in each $5 ids up to $3 (equal: everybody). Windows
-- are bounded on both sides, as those of cut_ids are; who is on a list is fetched once a window, and
-- not asked for each subscriber (+ 0: nor searched for by the index, one by one).
with c as materialized (
	select list_ids, excluded_list_ids, filter from campaigns
	where tenant_id = $1::int and id = $2::bigint),
d as materialized (
	select w.domain, sum(w.count)::bigint as count
	from c
	cross join generate_series(0::bigint, greatest($3::bigint - 1, 0), $5::bigint) as g(lo)
	cross join lateral (
		select s.domain, count(*) as count
		from subscribers s
		where s.tenant_id = $1 and s.id > g.lo and s.id <= least(g.lo + $4::bigint, $3)
			and s.suppressed = 0
			and s.id + 0 = any (array(select x.subscriber_id from subscriptions x
				where x.tenant_id = $1 and x.list_id = any (c.list_ids) and x.state = 1
					and x.subscriber_id > g.lo and x.subscriber_id <= g.lo + $4))
			and s.id + 0 <> all (array(select e.subscriber_id from subscriptions e
				where e.tenant_id = $1 and e.list_id = any (c.excluded_list_ids) and e.state = 1
					and e.subscriber_id > g.lo and e.subscriber_id <= g.lo + $4))
			and (c.filter is null or s.attributes @@ c.filter::jsonpath)
		group by s.domain) w
	group by w.domain)
select d.domain, d.count, k.site, k.provider
from d
left join domain_sites k on k.tenant_id = $1 and k.domain = d.domain
	and k.seen_at > now() - interval '30 days'
order by d.count desc, d.domain
