-- Who was erased does not come back with a file: the rows go before anything of them is merged.
delete from import_rows r using suppressions x
where x.tenant_id = $1::integer and x.reason = 102 and x.scope = 0
	and x.address_hash = address_hash(r.address_key)
returning r.line
