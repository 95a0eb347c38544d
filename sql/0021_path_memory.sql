-- What paths have learned, so that a restart or another engine goes on where the last one was.

-- A row for each source and site (or provider that counts for all its sites together: a space
-- before its name), about which something is known. state is engine/shape/path_memory.c's; the
-- columns beside it are for people and count from changed. ended: written when the engine ended in
-- order and started nothing more. Statistics but for one thing: a row says that a path was in use.
create table path_memory (
	tenant_id integer not null,
	source text collate "C" not null,
	site text collate "C" not null,
	state text collate "C" not null,
	ended boolean not null,
	suspended_until timestamptz,
	blocked boolean not null,           -- suspended as a sender: people must act
	rate_per_hour bigint,               -- messages, as learned; NULL: as configured
	connection_cap integer not null,
	engine_id integer not null,         -- that wrote it
	changed timestamptz not null,       -- by this database's clock
	primary key (tenant_id, source, site)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1);
create index path_memory_changed on path_memory (tenant_id, changed); -- to forget by
