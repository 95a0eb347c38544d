-- Who of a range is on none of the campaign's lists any more.
select distinct x.subscriber_id
from subscriptions x
where x.tenant_id = $1::integer and x.state <> 1
	and x.subscriber_id between $2::bigint and $3::bigint
	and x.list_id = any((select list_ids from campaigns
		where tenant_id = $1 and id = $4::bigint)::bigint[])
	and not exists (select from subscriptions y
		where y.tenant_id = $1 and y.subscriber_id = x.subscriber_id and y.state = 1
		and y.list_id = any((select list_ids from campaigns
			where tenant_id = $1 and id = $4)::bigint[]))
