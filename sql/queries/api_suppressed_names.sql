-- Addresses for a JSON array of [subscriber, reason].
select s.address, p.pair ->> 0, r.name
from jsonb_array_elements($2::jsonb) with ordinality p (pair, place)
join reasons r on r.number = (p.pair ->> 1)::int
left join subscribers s on s.tenant_id = $1::int and s.id = (p.pair ->> 0)::bigint
where $3::text = '' or r.name = $3::text
order by p.place
