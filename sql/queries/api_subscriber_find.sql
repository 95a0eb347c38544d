select id from subscribers where tenant_id = $1::int and address_key = $2::text
