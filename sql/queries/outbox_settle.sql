-- What came of rows of the outbox, for whoever put them there.
update outbox o set state = g.state, class = g.class, attempts = greatest(o.attempts, g.attempt),
	code = g.code, reply_status = g.status, reply = g.reply, due_at = coalesce(g.due_at, o.due_at),
	ended_at = g.ended_at
from unnest($2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
	$8::text[], $9::timestamptz[], $10::timestamptz[])
	as g(id, state, class, attempt, code, status, reply, due_at, ended_at)
where o.tenant_id = $1::integer and o.id = g.id
