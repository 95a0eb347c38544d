-- Who of a range is on none of the campaign's lists any more, or suppressed for one of them or for
-- its sender.
select distinct x.subscriber_id, 103::smallint
from subscriptions x
where x.tenant_id = $1::integer and x.state <> 1
	and x.subscriber_id between $2::bigint and $3::bigint
	and x.list_id = any((select list_ids from campaigns
		where tenant_id = $1 and id = $4::bigint)::bigint[])
	and not exists (select from subscriptions y
		where y.tenant_id = $1 and y.subscriber_id = x.subscriber_id and y.state = 1
		and y.list_id = any((select list_ids from campaigns
			where tenant_id = $1 and id = $4)::bigint[]))
union all
select subscriber_id, reason from scoped_out($1, $4, $2, $3, null)
