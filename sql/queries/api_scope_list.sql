select id from lists where tenant_id = $1::int and name = $2::text
