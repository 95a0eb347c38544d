-- Limits wider than a path, which all engines of a database share (engine/shape/draw.h).

-- One account for each thing that is limited: account is 'limit NAME' of a section of the
-- configuration, 'campaign ID' of a campaign's own limits; kind: 0 messages, 1 bytes, 2 new
-- connections, 3 connections at once. state is engine/shape/account_text.c's: a line for what
-- nobody holds, one for each engine that draws; empty: nobody has. Times in it are microseconds
-- since 1970 of this database's clock. version grows with every draw: whoever has read an older
-- one writes nothing. An account that nobody has drawn from for 60 days is forgotten.
create table draw_accounts (
	tenant_id integer not null,
	account text collate "C" not null,
	kind smallint not null,
	version bigint not null default 0,
	state text collate "C" not null default '',
	changed timestamptz not null default now(),
	primary key (tenant_id, account, kind)
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
