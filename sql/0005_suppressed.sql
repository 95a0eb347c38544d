-- Who is suppressed or gone is found where it is looked for.

-- Cutting one list needs no look at its subscribers but for who is suppressed: few, and found here.
create index subscribers_suppressed on subscribers (tenant_id, id) include (suppressed)
	where suppressed <> 0;

-- A subscriber who is deleted leaves no subscription behind, and is stopped at once.
create function subscribers_removed() returns trigger
language plpgsql as $$
declare
	tenant integer;
begin
	for tenant in select distinct tenant_id from removed loop
		perform stops_begin(tenant);
		insert into stops (tenant_id, kind, subscriber_id, reason)
		select tenant, 3, id, 104 from removed where tenant_id = tenant;
	end loop;
	delete from subscriptions x using removed r, lists l
	where l.tenant_id = r.tenant_id and x.tenant_id = r.tenant_id and x.list_id = l.id
		and x.subscriber_id = r.id;
	return null;
end $$;
create trigger subscribers_removed after delete on subscribers
	referencing old table as removed for each statement execute function subscribers_removed();
