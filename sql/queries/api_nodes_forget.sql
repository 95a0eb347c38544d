-- An engine never comes back: what it holds is anybody's, and whom it had marked is decided by
-- policy now. No row: it is not known, or it was heard of and is not gone.
with gone as (
	update engines set left_at = coalesce(left_at, now())
	where tenant_id = $1::int and name = $2::text
		and engine_is_silent(heartbeat_at, lease, left_at)
	returning id),
freed as (
	delete from sources s using gone where s.tenant_id = $1 and s.engine_id = gone.id),
decided as (
	update slices s set decide_at = now() from gone
	where s.tenant_id = $1 and s.lease_engine_id = gone.id and s.state in (1, 4)
	returning s.id)
select gone.id, (select count(*) from decided) from gone
