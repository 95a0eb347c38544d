-- A JSON array of address keys; those there are already keep their reason.
insert into suppressions (tenant_id, address_hash, scope, address, reason)
select $1::int, address_hash(key), 0, key, $3::smallint
from (select distinct key from jsonb_array_elements_text($2::jsonb) key) keys
on conflict (tenant_id, address_hash, scope) do nothing
returning 1
