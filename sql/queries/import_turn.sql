-- One import merges at a time, until its commit: two that change and subscribe the same person would
-- each count what the other does not see.
select pg_advisory_xact_lock(1919051109, $1::integer)
