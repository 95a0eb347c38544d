-- The same for ids that lie far apart.
select distinct x.subscriber_id, 103::smallint
from unnest($5::bigint[]) as w(id)
join subscriptions x on x.tenant_id = $1::integer and x.subscriber_id = w.id and x.state <> 1
	and x.subscriber_id between $2::bigint and $3::bigint
where x.list_id = any((select list_ids from campaigns
		where tenant_id = $1 and id = $4::bigint)::bigint[])
	and not exists (select from subscriptions y
		where y.tenant_id = $1 and y.subscriber_id = x.subscriber_id and y.state = 1
		and y.list_id = any((select list_ids from campaigns
			where tenant_id = $1 and id = $4)::bigint[]))
union all
select subscriber_id, reason from scoped_out($1, $4, $2, $3, $5)
