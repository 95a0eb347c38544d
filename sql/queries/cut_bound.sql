-- The id up to which the next window reaches: no list has more than $5 subscribed in it, one has
-- exactly so many. NULL: the rest fits. A bound on both sides is what keeps the joins of
-- cut_ids from reading on to the end of a large list.
select min(w.subscriber_id)
from unnest($2::bigint[]) as l(list_id)
cross join lateral (
	select s.subscriber_id from subscriptions s
	where s.tenant_id = $1::integer and s.list_id = l.list_id and s.state = 1
		and s.subscriber_id > $3::bigint and s.subscriber_id <= $4::bigint
	order by s.subscriber_id offset $5::bigint - 1 limit 1) as w
