-- Attributes that the lists have, for who has misspelt one.
select a.attribute
from lists l
join attribute_counts a on a.tenant_id = $1::int and a.list_id = l.id
where l.tenant_id = $1::int and l.name in (select jsonb_array_elements_text($2::jsonb))
	and a.attribute <> '' and a.count > 0
group by a.attribute order by sum(a.count) desc limit 500
