-- The JSON text of each attribute asked for, in that order; NULL: has none.
select (s.attributes -> f.name)::text
from jsonb_array_elements_text($3::jsonb) with ordinality f (name, place)
left join subscribers s on s.tenant_id = $1::int and s.id = $2::bigint
order by f.place
