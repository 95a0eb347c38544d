-- Who was erased while the file was read: only the hash is kept of them, and nothing is to come back. $3: the
-- ids that the import has added. The subscribers are read only if somebody was: `exists` is asked once, before.
delete from subscribers s using suppressions x
where exists (select from suppressions e
		where e.tenant_id = $1::integer and e.at > now() - $2::bigint * interval '1 second'
			and e.reason = 102 and e.scope = 0)
	and x.tenant_id = $1 and x.at > now() - $2 * interval '1 second'
	and x.reason = 102 and x.scope = 0 and x.address_hash = sha256(convert_to(s.address_key, 'UTF8'))
	and s.tenant_id = $1 and s.id >= lower($3::int8multirange) and s.id < upper($3::int8multirange)
	and s.id <@ $3::int8multirange
