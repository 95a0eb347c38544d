delete from suppressions
where tenant_id = $1::int and address_hash = address_hash($2::text)
returning (select name from reasons where number = reason)
