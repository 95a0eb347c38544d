-- Addresses that are compared by more than ASCII in lower case: IDNA, needless quotes.
update outbox o set address_key = w.key
from unnest($2::bigint[], $3::text[]) as w(id, key)
where o.tenant_id = $1::integer and o.id = w.id
