-- Whether there is anything to look up by import_watched.
select where exists (select from suppressions where tenant_id = $1::integer)
	or exists (select from suppressions_scoped where tenant_id = $1 and address_hash <> '')
