-- The same, counted one by one: an audience of several lists, without some, or chosen by a filter.
with audience as materialized (
	select s.attributes
	from subscribers s
	where s.tenant_id = $1::int and s.suppressed = 0
		and s.id in (select x.subscriber_id from subscriptions x join lists l
			on l.tenant_id = $1::int and l.id = x.list_id
			where x.tenant_id = $1::int and x.state = 1
				and l.name in (select jsonb_array_elements_text($2::jsonb)))
		and not exists (select from subscriptions e join lists l
			on l.tenant_id = $1::int and l.id = e.list_id
			where e.tenant_id = $1::int and e.state = 1 and e.subscriber_id = s.id
				and l.name in (select jsonb_array_elements_text($4::jsonb)))
		and ($5::text is null or s.attributes @@ $5::text::jsonpath))
select w.name,
	(select count(*) from audience where w.name = '' or attribute_present(attributes -> w.name)), 0
from (select '' as name union select jsonb_array_elements_text($3::jsonb)) w
