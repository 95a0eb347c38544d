-- The JSON text of each attribute asked for, in that order; NULL: has none.
select (coalesce(s.attributes, outbox_values(o)) -> f.name)::text
from jsonb_array_elements_text($3::jsonb) with ordinality f (name, place)
left join subscribers s on s.tenant_id = $1::int and s.id = $2::bigint
left join outbox o on o.tenant_id = $1::int and o.id = $2::bigint
order by f.place
