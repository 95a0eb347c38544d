-- Claims deferrals that are due, of the campaign that has waited longest.
with target as (
	select c.id from campaigns c
	cross join lateral (
		select d.due_at from deferrals d
		where d.tenant_id = $1::integer and d.campaign_id = c.id and d.slice_id is null
			and d.due_at <= now()
		order by d.due_at limit 1) d
	where c.tenant_id = $1 and c.state = 1 and ($2::bigint = 0 or c.id = $2)
	order by d.due_at limit 1),
next as (select nextval(pg_get_serial_sequence('slices', 'id')) as slice_id),
due as (
	select d.campaign_id, d.subscriber_id from deferrals d
	where d.tenant_id = $1 and d.campaign_id = (select id from target) and d.slice_id is null
		and d.due_at <= now()
	order by d.due_at limit $3::bigint for update skip locked)
update deferrals d set slice_id = (select slice_id from next)
from due
where d.tenant_id = $1 and d.campaign_id = due.campaign_id
	and d.subscriber_id = due.subscriber_id
returning d.campaign_id, d.slice_id, d.subscriber_id
