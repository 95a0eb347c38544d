-- Of two that have learned about a host the one who did so later is right. A clock that is ahead
-- must not be right for ever, so nothing is newer than now. In the order of names, so that two
-- engines cannot lock each other out.
insert into mail_host as h (name, flight, flight_limit, flight_limit_until, window_size,
	messages_per_connection, messages_until, tls_broken_until, note, changed, proven)
select distinct on (g.name) g.name, g.flight, g.flight_limit, g.flight_limit_until, g.window_size,
	nullif(g.messages_per_connection, 0), g.messages_until, g.tls_broken_until, g.note,
	least(g.changed, now()), g.proven
from unnest($1::text[], $2::integer[], $3::integer[], $4::timestamptz[], $5::integer[],
	$6::integer[], $7::timestamptz[], $8::timestamptz[], $9::text[], $10::timestamptz[],
	$11::integer[])
	as g(name, flight, flight_limit, flight_limit_until, window_size, messages_per_connection,
		messages_until, tls_broken_until, note, changed, proven)
order by g.name, g.changed desc
on conflict (name) do update set
	flight = excluded.flight,
	flight_limit = excluded.flight_limit,
	flight_limit_until = excluded.flight_limit_until,
	window_size = excluded.window_size,
	messages_per_connection = excluded.messages_per_connection,
	messages_until = excluded.messages_until,
	tls_broken_until = excluded.tls_broken_until,
	note = excluded.note,
	changed = excluded.changed,
	proven = excluded.proven
where h.changed < excluded.changed
