-- Who of a window is in the audience: on one of the lists, on none of the excluded ones, and
-- chosen by the filter. One row a subscriber, and so one mail an address.
select s.id, s.suppressed
from subscribers s
where s.tenant_id = $1::integer and s.id > $2::bigint and s.id <= $3::bigint
	and exists (select from subscriptions x
		where x.tenant_id = $1 and x.list_id = any($4::bigint[]) and x.subscriber_id = s.id
		and x.state = 1 and x.subscriber_id > $2 and x.subscriber_id <= $3)
	and not exists (select from subscriptions e
		where e.tenant_id = $1 and e.list_id = any($5::bigint[]) and e.subscriber_id = s.id
		and e.state = 1 and e.subscriber_id > $2 and e.subscriber_id <= $3)
	and ($6::jsonpath is null or s.attributes @@ $6)
order by s.id
limit $7::bigint
