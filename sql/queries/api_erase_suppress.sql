-- With the address in clear for the moment, so that the trigger finds the subscriber. Who was
-- suppressed already has nothing to stop.
insert into suppressions (tenant_id, address_hash, scope, address, reason)
values ($1::int, address_hash($2::text), 0, $2::text, 102)
on conflict (tenant_id, address_hash, scope) do nothing
