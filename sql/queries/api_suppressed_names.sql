-- Addresses for a JSON array of [subscriber, reason]. $4: a verdict, of those who are held out one of
-- its own.
select s.address, p.pair ->> 0, r.name
from jsonb_array_elements($2::jsonb) with ordinality p (pair, place)
join reasons r on r.number = (p.pair ->> 1)::int
left join subscribers s on s.tenant_id = $1::int and s.id = (p.pair ->> 0)::bigint
where ($3::text = '' or r.name = $3::text)
	and ($4::text = '' or ($4::text = 'held-out') = (r.name = 'held-out'))
order by p.place
