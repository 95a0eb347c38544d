-- What became of a message, by key, or else by id.
select id, key, template, address, status, attempts, nullif(class, 'none'), nullif(code, 0),
	nullif(reply_status, ''), nullif(reply, ''),
	to_char(next_attempt_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), priority,
	to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	to_char(not_before, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	to_char(expires_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), to_char(ended_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from outbox_status
where tenant_id = $1::int and (key = $2::text or (id = case when $2::text ~ '^[0-9]{1,18}$' then $2::bigint end
	and not exists (select from outbox x where x.tenant_id = $1::int and x.key = $2::text)))
