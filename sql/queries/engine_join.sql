-- An engine says who it is: a new epoch fences older processes of its name. Stops that no engine
-- can still be waiting for go at this occasion.
with old as (
	delete from stops where tenant_id = $1::integer and at < now() - interval '7 days')
insert into engines (tenant_id, name, epoch, lease, joined_at)
values ($1, $2::text, 1, $3::bigint * interval '1 microsecond', now())
on conflict (tenant_id, name) do update set epoch = engines.epoch + 1, heartbeat_at = now(),
	lease = excluded.lease, left_at = null, joined_at = now()
returning id, epoch, position
