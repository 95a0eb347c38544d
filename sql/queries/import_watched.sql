-- Which of these addresses somebody has said something of: suppressed, erased, or out of a scope. By the
-- hash (address_hash() in place, which PostgreSQL does not inline), which is all that is kept of the erased.
-- Looked up one by one: as a join, or by exists, it may read all suppressions for each batch.
select k.place - 1
from unnest($2::text[]) with ordinality as k(address_key, place)
cross join lateral (select sha256(convert_to(k.address_key, 'UTF8')) as hash offset 0) as h
where coalesce(
	(select 1 from suppressions x
		where x.tenant_id = $1::integer and x.address_hash = h.hash limit 1),
	(select 1 from suppressions_scoped x
		where x.tenant_id = $1 and x.address_hash = h.hash limit 1)) = 1
order by k.place
