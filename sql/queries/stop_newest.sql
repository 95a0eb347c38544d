-- The newest stop.
select coalesce(max(number), 0) from stops where tenant_id = $1::integer
