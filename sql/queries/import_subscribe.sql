-- Onto the list. Who has unsubscribed stays so; $3: unless they are to be subscribed again.
with wanted as (
	select s.id, s.suppressed, x.state
	from import_rows r
	join subscribers s on s.tenant_id = $1::integer and s.address_key = r.address_key
	left join subscriptions x on x.tenant_id = $1 and x.list_id = $2::bigint
		and x.subscriber_id = s.id),
added as (
	insert into subscriptions (tenant_id, list_id, subscriber_id)
	select $1, $2, id from wanted where state is null order by id
	on conflict do nothing
	returning 1),
again as (
	update subscriptions x set state = 1, changed_at = now()
	from wanted w
	where $3::boolean and w.state <> 1 and x.tenant_id = $1 and x.list_id = $2
		and x.subscriber_id = w.id
	returning 1)
select (select count(*) from added), (select count(*) from again),
	count(*) filter (where state <> 1 and not $3), count(*) filter (where suppressed <> 0)
from wanted
