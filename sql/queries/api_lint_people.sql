-- Some recipients, with the values of the fields asked for, in that order.
select s.id, s.address, s.name,
	(select coalesce(jsonb_agg(s.attributes -> f.name order by f.place), '[]')
		from jsonb_array_elements_text($3::jsonb) with ordinality f (name, place))::text
from (select x.subscriber_id from subscriptions x join lists l
		on l.tenant_id = $1::int and l.id = x.list_id
		where x.tenant_id = $1::int and x.state = 1
			and l.name in (select jsonb_array_elements_text($2::jsonb))
		limit 1000) p
join subscribers s on s.tenant_id = $1::int and s.id = p.subscriber_id
where s.suppressed = 0 and ($4::text is null or s.attributes @@ $4::text::jsonpath)
limit 20
