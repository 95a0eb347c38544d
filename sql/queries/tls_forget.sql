-- Nobody is told of days that long ago.
delete from tls_result
where tenant_id = $1::integer and day < (now() at time zone 'UTC')::date - 30
