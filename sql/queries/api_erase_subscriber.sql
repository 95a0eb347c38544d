with left_lists as (
	delete from subscriptions where tenant_id = $1::int and subscriber_id = $2::bigint)
delete from subscribers where tenant_id = $1::int and id = $2::bigint
