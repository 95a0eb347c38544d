-- Transactional mail that is due, claimed (sql/0026_outbox_claim.sql) and read in the same call: each
-- word there and back is a wait for an urgent message. What is larger than $9, ready content, and a row
-- that was inserted while this began come without a reason and attributes, and are read for themselves.
-- The reason is that of address_suppressed(), whose plan would be made anew for each call.
select c.slice, c.campaign, c.coded, c.count, c.id, c.address, c.key, c.look_at, c.unknown,
	r.reason, r.name, r.attributes, r.expires_at
from outbox_claim($1::integer, $2::integer, $3::integer, $4::bigint, $5::bigint, $6::bigint[],
	$7::bigint, $8::bigint) c
left join lateral (
	select coalesce((select x.reason from suppressions x
			where x.tenant_id = $1 and x.address_hash = address_hash(o.address_key)
				and x.scope = 0 and x.reason <> 103), 0::smallint) as reason,
		o.name, o.attributes, o.expires_at
	from outbox o
	where o.tenant_id = $1 and o.id = c.id and pg_column_size(o.attributes) <= $9::integer
		and o.subject is null and o.html is null and o.text is null
	offset 0) r on true
