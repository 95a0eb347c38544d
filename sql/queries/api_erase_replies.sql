-- Servers like to repeat the address in their replies.
with waiting as (
	update deferrals set text = '' where tenant_id = $1::int and subscriber_id = $2::bigint),
aside as (
	delete from asides where tenant_id = $1 and subscriber_id = $2)
update deliveries set text = '' where tenant_id = $1::int and subscriber_id = $2::bigint and text <> ''
