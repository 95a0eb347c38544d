-- The same of rows of the outbox.
select o.id, address_suppressed($1::integer, o.address_key), o.address, o.name /* FIELDS */, o.expires_at,
	o.address_key
from unnest($4::bigint[]) as w(id)
join outbox o on o.tenant_id = $1 and o.id = w.id and o.id between $2::bigint and $3::bigint
cross join lateral (select outbox_values(o) as attributes offset 0) s
