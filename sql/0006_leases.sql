-- A lease whose commit was not answered is found again by its token; slices of dead engines are
-- taken over.

-- Given by the engine, different for every lease of one epoch.
alter table slices add column lease_token bigint not null default 0;
