-- Whoever suppresses takes turns with whoever opens an incident: what comes behind this sees it.
select pg_advisory_xact_lock(1919051107, $1::integer)
