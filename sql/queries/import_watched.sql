-- Which of these addresses somebody has said something of: suppressed, erased, or out of a scope. By the
-- hash, which is all that is kept of the erased.
select k.place - 1
from unnest($2::text[]) with ordinality as k(address_key, place)
where exists (select from suppressions x
		where x.tenant_id = $1::integer and x.address_hash = address_hash(k.address_key))
	or exists (select from suppressions_scoped x
		where x.tenant_id = $1 and x.address_hash = address_hash(k.address_key))
