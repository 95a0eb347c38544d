-- What came of it: deliveries, deferrals, tallies, and the names of numbers.

create table verdicts (
	number smallint primary key,
	name text not null unique
);
insert into verdicts values (0, 'none'), (1, 'delivered'), (2, 'deferred'), (3, 'failed'),
	(4, 'in-doubt'), (5, 'suppressed'), (6, 'cancelled');

create table classes (
	number smallint primary key,
	name text not null unique
);
insert into classes values (0, 'none');
insert into classes select number, name from reasons where number < 23;
insert into classes values (23, 'delivered');

create table stages (
	number smallint primary key,
	name text not null unique
);
insert into stages values (0, 'unknown'), (1, 'route'), (2, 'connect'), (3, 'greeting'),
	(4, 'ehlo'), (5, 'starttls'), (6, 'auth'), (7, 'mail'), (8, 'rcpt'), (9, 'data'), (10, 'end'),
	(11, 'rset'), (12, 'quit'), (13, 'bounce');

-- One row an attempt's outcome (or an ending without any attempt: attempt 0), never updated.
-- A partition a campaign, made at launch by campaign_partition(). No index but BRIN: rows of a
-- slice lie close together in time; a subscriber is found through the ranges of the slices.
-- class: for suppressed the number of the reason. status: 5.1.1 as 5001001. origin: 0 the
-- server, 1 we ourselves.
create table deliveries (
	campaign_id bigint not null,
	slice_id bigint not null,
	subscriber_id bigint not null,
	at timestamptz not null,
	date_at timestamptz,      -- the Date of the message
	tenant_id integer not null,
	revision integer not null,
	status integer not null,
	duration_ms integer not null,
	size integer not null,
	verdict smallint not null,
	class smallint not null,
	stage smallint not null,
	code smallint not null,
	attempt smallint not null,
	origin smallint not null,
	final boolean not null,
	cause text not null,
	provider text not null,
	source text not null,
	site text not null,
	mx_host text not null,
	text text not null
) partition by list (campaign_id);

create function campaign_partition(campaign_id bigint) returns void
language plpgsql as $$
declare
	name text := 'deliveries_' || campaign_id;
begin
	if to_regclass(name) is not null then
		return;
	end if;
	-- Made first and attached then: attaching takes the lesser lock on the parent.
	execute format('create table %I (like deliveries including defaults)
		with (autovacuum_vacuum_insert_threshold = -1)', name);
	execute format('alter table %I add check (campaign_id = %s)', name, campaign_id);
	execute format('create index %I on %I using brin (slice_id)
		with (pages_per_range = 16, autosummarize = on)', name || '_slice', name);
	execute format('alter table deliveries attach partition %I for values in (%s)', name, campaign_id);
end $$;

-- Who is to be tried again. slice_id NULL: waits for due_at; else the retry slice that claimed
-- it. Deleted with the final outcome.
create table deferrals (
	tenant_id integer not null,
	campaign_id bigint not null,
	subscriber_id bigint not null,
	slice_id bigint,
	due_at timestamptz not null,
	date_at timestamptz,
	first_at timestamptz,
	revision integer not null,
	attempts smallint not null,
	verdict smallint not null,
	class smallint not null,
	code smallint not null,
	status integer not null,
	provider text not null,
	source text not null,
	text text not null,
	primary key (tenant_id, campaign_id, subscriber_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index deferrals_due on deferrals (tenant_id, campaign_id, due_at) where slice_id is null;

-- Counts of outcomes, kept by the transactions that write the outcomes. tries: 0 no attempt was
-- made, 1 the first, 2 a later one. engine_id 0: by no engine (suppressed when cut, cancelled).
-- class: for suppressed the number of the reason.
create table tallies (
	tenant_id integer not null,
	campaign_id bigint not null,
	engine_id integer not null,
	verdict smallint not null,
	class smallint not null,
	tries smallint not null,
	final boolean not null,
	provider text collate "C" not null,
	count bigint not null,
	primary key (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
) with (fillfactor = 30);

create function status_text(status integer) returns text
language sql immutable strict parallel safe
return case when status = 0 then '' else
	(status / 1000000) || '.' || (status / 1000 % 1000) || '.' || (status % 1000) end;

-- Deliveries with names, for people.
create view outcomes as
select d.tenant_id, d.campaign_id, d.slice_id, d.subscriber_id, s.address, d.at, d.date_at,
	v.name as verdict, d.final, r.name as class, d.cause, g.name as stage,
	case d.origin when 0 then 'server' else 'local' end as origin,
	d.code, status_text(d.status) as status, d.text, d.attempt, d.revision,
	d.provider, d.site, d.mx_host, d.source, d.duration_ms, d.size
from deliveries d
join verdicts v on v.number = d.verdict
join stages g on g.number = d.stage
left join (select number, name from classes union select number, name from reasons) r
	on r.number = d.class
left join subscribers s on s.tenant_id = d.tenant_id and s.id = d.subscriber_id;
