-- A subscriber by address key, or (key empty) any of the campaign's audience; of a transactional
-- campaign the newest row of the outbox. With the Date and the revision of an attempt that was made,
-- or the newest revision.
with c as (select * from campaigns where tenant_id = $1::int and id = $2::bigint),
one as (
	select s.id, s.address, s.name from subscribers s
	where s.tenant_id = $1::int and s.address_key = $3::text and (select kind from c) = 0
	union all
	(select o.id, o.address, o.name from outbox o
		where o.tenant_id = $1::int and o.campaign_id = $2::bigint
			and (o.address_key = $3::text or $3::text = '')
		order by o.id desc limit 1)
	union all
	(select s.id, s.address, s.name from c
		join subscriptions p on p.tenant_id = $1::int and p.list_id = any (c.list_ids) and p.state = 1
		join subscribers s on s.tenant_id = $1::int and s.id = p.subscriber_id
		where $3::text = ''
			and not exists (select from subscriptions e
				where e.tenant_id = $1::int and e.list_id = any (c.excluded_list_ids)
				and e.subscriber_id = s.id and e.state = 1)
			and (c.filter is null or s.attributes @@ c.filter::jsonpath)
		limit 1)),
made as (
	select d.date_at, d.revision from one
	join slices x on x.tenant_id = $1::int and x.campaign_id = $2::bigint
		and one.id between x.lo_id and x.hi_id
	cross join lateral (
		select y.at, y.date_at, y.revision, y.attempt from deliveries y
		where y.campaign_id = $2::bigint and y.slice_id = x.id and y.subscriber_id = one.id offset 0) d
	where d.attempt > 0 and d.date_at is not null
	order by d.at limit 1)
select one.id, one.address, one.name,
	(extract(epoch from made.date_at) * 1000000)::bigint, coalesce(made.revision, c.revision), c.winner
from one cross join c left join made on true
