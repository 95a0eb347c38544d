-- How much of its journal is settled.
select epoch, position from engines where tenant_id = $1::integer and id = $2::integer
