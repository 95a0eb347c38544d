-- Whoever waited for the winner is due. Tells how many recipients that are.
with moved as (
	update slices set state = 0, due_at = now()
	where tenant_id = $1::int and campaign_id = $2::bigint and state = 5
	returning count)
select coalesce(sum(count), 0) from moved
