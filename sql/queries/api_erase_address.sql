update suppressions set address = null, reason = 102
where tenant_id = $1::int and address_hash = address_hash($2::text)
