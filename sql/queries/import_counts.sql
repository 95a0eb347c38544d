-- How many of a list's subscribers carry each attribute.
with counted as (
	select key, count(*) as count
	from subscriptions x
	join subscribers s on s.tenant_id = $1::integer and s.id = x.subscriber_id
	cross join lateral jsonb_object_keys(s.attributes) as key
	where x.tenant_id = $1 and x.list_id = $2::bigint and x.state = 1
	group by key),
gone as (
	delete from attribute_counts a
	where a.tenant_id = $1 and a.list_id = $2 and a.attribute not in (select key from counted))
insert into attribute_counts (tenant_id, list_id, attribute, count)
select $1, $2, key, count from counted
on conflict (tenant_id, list_id, attribute) do update set count = excluded.count
