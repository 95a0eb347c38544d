-- Two that send reports at once would send each twice. Held as long as the connection; nobody waits
-- for it.
select pg_try_advisory_lock(8460, $1::int)
