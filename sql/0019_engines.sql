-- Several engines on one database: sources belong to one of them at a time, an engine leaves in
-- order, and what a lost one had started is decided at a date.

-- lease: how long what it holds stays its own after its last heartbeat; by what it said itself, so
-- engines need not agree. left_at: it ended in order (or was given up by a person): nothing is its
-- own any more. joined_at: when its present life began.
alter table engines
	add column lease interval not null default interval '30 seconds',
	add column left_at timestamptz,
	add column joined_at timestamptz;

create function engine_is_silent(heartbeat_at timestamptz, lease interval, left_at timestamptz)
returns boolean language sql stable parallel safe
return left_at is not null or heartbeat_at + lease < now();

-- Who sends by which source. until_at: by the database's clock; renewed with each heartbeat. In the
-- row, and not only in engines: two that want it in the same moment decide by its latest version.
create table sources (
	tenant_id integer not null,
	name text collate "C" not null,
	engine_id integer not null,
	epoch integer not null,
	until_at timestamptz not null,
	primary key (tenant_id, name),
	foreign key (tenant_id, engine_id) references engines on delete cascade
) with (fillfactor = 50);

-- Slice state 4, orphaned: decide_at is when who was marked and is not settled goes in doubt.
-- State 6, buried: that has happened. For its campaign it is settled; its owner, should it come
-- back, learns it and closes it.
alter table slices add column decide_at timestamptz;
update slices set decide_at = now() + interval '1 day' where state = 4;
drop index slices_held;
create index slices_held on slices (tenant_id, lease_engine_id) where state in (1, 4, 6);

-- Who went in doubt because an engine, or its journal, did not come back: by name, for people, and
-- so that what the engine tells late is never counted beside it. marked_at: when the mark that let
-- it start was written. final, verdict, class, tries, provider: the final verdict that counts now
-- (final false: none, another attempt is to come).
create table burials (
	tenant_id integer not null,
	campaign_id bigint not null,
	subscriber_id bigint not null,
	slice_id bigint not null,
	engine_id integer not null, -- that had marked it
	attempt smallint not null,
	marked_at timestamptz not null,
	buried_at timestamptz not null default now(),
	final boolean not null,
	verdict smallint not null,
	class smallint not null,
	tries smallint not null,
	provider text not null,
	final_slice_id bigint not null, -- whose row says so
	primary key (tenant_id, campaign_id, subscriber_id),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
);
