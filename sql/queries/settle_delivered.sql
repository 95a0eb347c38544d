-- Who took a message has no strikes any more, but for those that are younger.
delete from strikes k
using unnest($2::bigint[], $3::timestamptz[]) as d(subscriber_id, at)
where k.tenant_id = $1::integer and k.subscriber_id = d.subscriber_id and k.last_at <= d.at
	and k.subscriber_id between $4::bigint and $5::bigint
