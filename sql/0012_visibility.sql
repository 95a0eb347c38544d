-- What engines are doing at this moment, and where domains lead: for `rundbrief top`, `why` and
-- `plan`. Statistics, never verdicts: nothing that is sent or not depends on these tables.

-- A row for everything that goes from one source to one site (tls_key: apart from the rest of the
-- site, because its policy asks for another TLS), written every few seconds while something
-- changes. A row counts as long as its engine's heartbeat is fresh and its epoch is the engine's.
-- state: sending, waiting (something waits and nothing moves), idle. why: what held it back at the
-- last look, in the shaping's own words; '' nothing. No index on what changes: most of these
-- updates stay within their page.
create table path_states (
	tenant_id integer not null,
	site text collate "C" not null,
	source text collate "C" not null,
	engine_id integer not null,
	tls_key text collate "C" not null,
	epoch integer not null,
	provider text collate "C" not null,
	state text collate "C" not null,
	why text collate "C" not null,
	held_until timestamptz,
	connection_cap integer not null,      -- now, of
	connection_limit integer not null,
	rate_per_day bigint,                  -- messages a day now, of; NULL: no limit
	rate_limit_per_day bigint,
	open_count integer not null,          -- connections
	waiting_count integer not null,       -- recipients in the engine's memory
	in_flight_count integer not null,     -- submitted, no reply yet
	started_minute integer not null,      -- in the minute before updated_at
	delivered bigint not null,            -- since the engine began
	deferred bigint not null,
	failed bigint not null,
	throttled_at timestamptz,             -- the last reply that spoke of the path
	throttle_text text not null,
	updated_at timestamptz not null,
	primary key (tenant_id, site, source, engine_id, tls_key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1);

-- Where the mail of a domain went when an engine asked last. mx_hosts: the first few, by commas.
create table domain_sites (
	tenant_id integer not null,
	domain text collate "C" not null,
	site text collate "C" not null,
	provider text collate "C" not null,
	mx_hosts text collate "C" not null,
	seen_at timestamptz not null,
	primary key (tenant_id, domain)
) with (fillfactor = 80);
create index domain_sites_seen on domain_sites (tenant_id, seen_at); -- to forget by

-- kinds: 6 flush: what is held back at target ('provider NAME', 'site NAME'; '' everywhere) may
-- go on.
alter table stops add column if not exists target text not null default '';

-- How many wait at a site, and until when, without a look at any other. What was deferred before
-- this column was there has no site.
alter table deferrals add column site text collate "C" not null default '';
create index deferrals_place on deferrals (tenant_id, campaign_id, provider, site, due_at)
	where slice_id is null;
