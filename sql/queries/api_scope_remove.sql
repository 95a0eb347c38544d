-- For one list ($3: its number, or 0) or one sender ($4), or of a domain ($5).
with forgiven as (
	delete from domain_strikes where tenant_id = $1::int and $5::boolean and domain = $2::text)
delete from suppressions_scoped
where tenant_id = $1::int and list_id = $3::bigint and sender = $4::text
	and address_hash = case when $5::boolean then '' else address_hash($2::text) end
	and domain = case when $5::boolean then $2::text else '' end
returning (select name from reasons where number = reason)
