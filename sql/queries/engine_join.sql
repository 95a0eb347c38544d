-- An engine says who it is: a new epoch fences older processes of its name. Stops that no engine
-- can still be waiting for go at this occasion; and the dates at which policy would have decided of
-- whom it had marked, for it is back. The engine is locked first, and for update: no claim or mark of
-- its earlier life (key share) is under way then.
with old as (
	delete from stops where tenant_id = $1::integer and at < now() - interval '7 days'),
was as (
	select id from engines where tenant_id = $1 and name = $2::text for update),
undated as (
	update slices s set decide_at = null from was
	where s.tenant_id = $1 and s.lease_engine_id = was.id and s.state in (1, 4)
		and s.decide_at is not null)
insert into engines (tenant_id, name, epoch, lease, joined_at)
select $1, $2, 1, $3::bigint * interval '1 microsecond', now() from (select count(*) from was) w
on conflict (tenant_id, name) do update set epoch = engines.epoch + 1, heartbeat_at = now(),
	lease = excluded.lease, left_at = null, joined_at = now()
returning id, epoch, position
