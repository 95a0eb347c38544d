-- Who took a message has no strikes any more, but for those that are younger than the batch. The
-- range first: there are few strikes, and most of a batch has none.
delete from strikes k
using unnest($2::bigint[]) as d(subscriber_id)
where k.tenant_id = $1::integer and k.subscriber_id between $3::bigint and $4::bigint
	and k.subscriber_id = d.subscriber_id and k.last_at <= $5::timestamptz
