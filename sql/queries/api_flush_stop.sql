-- Tells engines to hold nothing back at a target. Last in its transaction: writers of stops take
-- turns until they commit.
with begun as materialized (select stops_begin($1::int))
insert into stops (tenant_id, kind, target) select $1::int, 6, $2::text from begun
