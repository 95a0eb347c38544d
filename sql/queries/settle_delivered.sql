-- Who took a message has no strikes any more, but for those that are younger than the batch. The
-- range first: there are few strikes, and most of a batch has none.
with old as materialized (
	select subscriber_id, rule, sender from strikes
	where tenant_id = $1::integer and subscriber_id between $3::bigint and $4::bigint
		and last_at <= $5::timestamptz)
delete from strikes k
using old o
where k.tenant_id = $1 and k.subscriber_id = o.subscriber_id and k.rule = o.rule
	and k.sender = o.sender and k.last_at <= $5
	and o.subscriber_id in (select d.subscriber_id from unnest($2::bigint[]) as d(subscriber_id))
