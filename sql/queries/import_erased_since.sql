-- Who was erased while the file was read: only the hash is kept of them, and nothing is to come back. $3: the
-- ids that the import has added.
delete from subscribers s using suppressions x
where x.tenant_id = $1::integer and x.at > now() - $2::bigint * interval '1 second'
	and x.reason = 102 and x.scope = 0 and x.address_hash = sha256(convert_to(s.address_key, 'UTF8'))
	and s.tenant_id = $1 and s.id >= lower($3::int8multirange) and s.id < upper($3::int8multirange)
	and s.id <@ $3::int8multirange
