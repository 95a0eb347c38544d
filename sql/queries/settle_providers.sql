-- What providers answered, per day: a batch's counts.
insert into provider_days as p (tenant_id, engine_id, provider, day, answers, bad_mailbox, deferred,
	blocked, complaints, delivered)
select $1::integer, $2::integer, g.provider, (g.at at time zone 'UTC')::date, sum(g.answers),
	sum(g.bad_mailbox), sum(g.deferred), sum(g.blocked), sum(g.complaints), sum(g.delivered)
from unnest($3::text[], $4::timestamptz[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
	$9::integer[], $10::integer[])
	as g(provider, at, answers, bad_mailbox, deferred, blocked, complaints, delivered)
group by 3, 4
on conflict (tenant_id, provider, day, engine_id) do update set
	answers = p.answers + excluded.answers, bad_mailbox = p.bad_mailbox + excluded.bad_mailbox,
	deferred = p.deferred + excluded.deferred, blocked = p.blocked + excluded.blocked,
	complaints = p.complaints + excluded.complaints, delivered = p.delivered + excluded.delivered
