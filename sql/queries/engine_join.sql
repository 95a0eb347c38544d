-- An engine says who it is: a new epoch fences older processes of its name.
insert into engines (tenant_id, name, epoch) values ($1::integer, $2::text, 1)
on conflict (tenant_id, name) do update set epoch = engines.epoch + 1, heartbeat_at = now()
returning id, epoch, position
