-- The stop feed: what must no longer be started, numbered in the order of commit.

-- kind: 0 pause, 1 resume, 2 cancel (of campaign_id), 3 subscriber (campaign_id NULL: in every
-- campaign).
create table stops (
	tenant_id integer not null,
	number bigint not null generated always as identity,
	kind smallint not null,
	campaign_id bigint,
	subscriber_id bigint,
	reason smallint not null default 0,
	at timestamptz not null default now(),
	primary key (tenant_id, number)
);

-- A reader asks for numbers above the last it saw, so a number must not become visible after a
-- higher one: writers of stops take turns, from the number to the commit.
create function stops_begin(tenant_id integer) returns void
language plpgsql as $$
begin
	perform pg_advisory_xact_lock(1919051107, tenant_id);
	perform pg_notify('rundbrief_stop', tenant_id::text);
end $$;

create function suppressions_added() returns trigger
language plpgsql as $$
declare
	tenant integer;
begin
	for tenant in select distinct tenant_id from added loop
		perform stops_begin(tenant);
		with hit as (
			update subscribers s set suppressed = a.reason
			from added a
			where a.tenant_id = tenant and s.tenant_id = tenant and s.address_key = a.address
				and s.suppressed = 0
			returning s.id, a.reason)
		insert into stops (tenant_id, kind, subscriber_id, reason)
		select tenant, 3, id, reason from hit;
	end loop;
	return null;
end $$;
create trigger suppressions_added after insert on suppressions
	referencing new table as added for each statement execute function suppressions_added();

create function suppressions_removed() returns trigger
language plpgsql as $$
begin
	update subscribers s set suppressed = 0
	from removed r
	where s.tenant_id = r.tenant_id and s.address_key = r.address and s.suppressed <> 0;
	return null;
end $$;
create trigger suppressions_removed after delete on suppressions
	referencing old table as removed for each statement execute function suppressions_removed();

create function subscribers_added() returns trigger
language plpgsql as $$
begin
	if exists (select from suppressions) then
		update subscribers s set suppressed = x.reason
		from added a join suppressions x
			on x.tenant_id = a.tenant_id and x.address_hash = address_hash(a.address_key)
		where s.tenant_id = a.tenant_id and s.id = a.id and x.scope = 0;
	end if;
	return null;
end $$;
create trigger subscribers_added after insert on subscribers
	referencing new table as added for each statement execute function subscribers_added();

-- Somebody leaves a list: stops every running or paused campaign to that list, unless another
-- of its lists still has them.
create function subscriptions_changed() returns trigger
language plpgsql as $$
declare
	tenant integer;
begin
	for tenant in
		select distinct n.tenant_id from after n join before o
			using (tenant_id, list_id, subscriber_id) where o.state = 1 and n.state <> 1
	loop
		perform stops_begin(tenant);
		insert into stops (tenant_id, kind, campaign_id, subscriber_id, reason)
		select distinct tenant, 3, c.id, n.subscriber_id, 103
		from after n
		join before o using (tenant_id, list_id, subscriber_id)
		join campaigns c on c.tenant_id = tenant and c.state in (1, 2)
			and c.list_ids @> array[n.list_id]
		where n.tenant_id = tenant and o.state = 1 and n.state <> 1
			and not exists (select from subscriptions x
				where x.tenant_id = tenant and x.list_id = any(c.list_ids)
				and x.subscriber_id = n.subscriber_id and x.state = 1);
	end loop;
	return null;
end $$;
create trigger subscriptions_changed after update on subscriptions
	referencing old table as before new table as after
	for each statement execute function subscriptions_changed();

create function campaigns_changed() returns trigger
language plpgsql as $$
begin
	perform stops_begin(new.tenant_id);
	insert into stops (tenant_id, kind, campaign_id)
	values (new.tenant_id, case new.state when 1 then 1 when 2 then 0 else 2 end, new.id);
	return null;
end $$;
create trigger campaigns_changed after update of state on campaigns
	for each row when (old.state <> new.state and old.state <> 0 and new.state in (1, 2, 3))
	execute function campaigns_changed();
