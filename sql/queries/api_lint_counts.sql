-- How many subscribers the lists have (the attribute ''), and how many carry each attribute of $3;
-- NULL: too many names to count this one. Somebody on two lists counts twice. Third: how many of them
-- are suppressed and carry it, NULL when the suppressed are too many to look at; so this takes
-- milliseconds however long the lists are.
with chosen as materialized (
	select id from lists
	where tenant_id = $1::int and name in (select jsonb_array_elements_text($2::jsonb))),
wanted as materialized (
	select '' as name union select jsonb_array_elements_text($3::jsonb)),
full_lists as (
	select count(*) from (select from attribute_counts a, chosen c
		where a.tenant_id = $1::int and a.list_id = c.id group by c.id having count(*) >= 10000) x),
stopped as materialized (
	select id from subscribers where tenant_id = $1::int and suppressed <> 0 limit 10001),
dead as materialized (
	select s.attributes
	from stopped d
	cross join chosen c
	join subscriptions x on x.tenant_id = $1::int and x.list_id = c.id and x.subscriber_id = d.id
		and x.state = 1
	join subscribers s on s.tenant_id = $1::int and s.id = d.id
	where (select count(*) from stopped) <= 10000)
select w.name,
	case when k.count is null and (select * from full_lists) > 0 then null
		else coalesce(k.count, 0) + coalesce(m.change, 0) end,
	case when (select count(*) from stopped) <= 10000 then
		(select count(*) from dead where w.name = '' or attribute_present(dead.attributes -> w.name)) end
from wanted w
left join lateral (select sum(a.count) as count from chosen c join attribute_counts a
	on a.tenant_id = $1::int and a.list_id = c.id and a.attribute = w.name) k on true
left join (select g.attribute, sum(g.change) as change from chosen c join attribute_changes g
	on g.tenant_id = $1::int and g.list_id = c.id group by g.attribute) m on m.attribute = w.name
