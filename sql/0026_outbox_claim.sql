-- A claim of transactional mail is one call: each word to the database and back is a wait for an urgent
-- message. In plpgsql, whose plans are kept; each statement sees what was committed before it.

-- Rows that are due, locked, of that campaign among those given whose first is the most urgent: by
-- priority, then by time. Looking at each priority apart reads no row that is not wanted. A row is
-- locked as it is taken, and one that another engine has locked is passed over; so many bytes at
-- once, or one row that is larger.
create function outbox_lock_due(tenant integer, given bigint[], most bigint, most_bytes bigint,
	out campaign bigint, out ids bigint[])
language plpgsql as $$
#variable_conflict use_column
begin
	with target as (
		select c.id
		from campaigns c
		cross join generate_series(9, 0, -1) as p(priority)
		cross join lateral (
			select o.due_at from outbox o
			where o.tenant_id = tenant and o.campaign_id = c.id and o.state = 0
				and o.priority = p.priority and o.due_at <= now()
			order by o.due_at, o.id limit 1 for update skip locked) f
		where c.tenant_id = tenant and c.id = any(given) and c.kind = 1 and c.state = 1
		order by p.priority desc, f.due_at limit 1),
	due as (
		select o.*, row_number() over () as place
		from generate_series(9, 0, -1) as p(priority)
		cross join lateral (
			select x.campaign_id, x.id, x.size from outbox x
			where x.tenant_id = tenant and x.campaign_id = (select id from target)
				and x.state = 0 and x.priority = p.priority and x.due_at <= now()
				and (x.expires_at is null or x.expires_at > now())
			order by x.due_at, x.id limit most for update skip locked) o
		limit most),
	weighed as (
		select campaign_id, id, sum(size) over (order by place) - size as before from due)
	select min(campaign_id), array_agg(id order by id) into campaign, ids
	from weighed where before < most_bytes;
end $$;

-- When to look again: the next row that will be due (or is, and was not taken), or will be over; and a
-- campaign whose rows are due and which is none of those given.
create function outbox_look(tenant integer, given bigint[], out look_at timestamptz,
	out unknown bigint)
language plpgsql as $$
begin
	with first as (
		select c.id, c.id = any(given) as known, f.due_at
		from campaigns c
		cross join generate_series(0, 9) as p(priority)
		cross join lateral (
			select o.due_at from outbox o
			where o.tenant_id = tenant and o.campaign_id = c.id and o.state = 0
				and o.priority = p.priority
			order by o.due_at limit 1) f
		where c.tenant_id = tenant and c.kind = 1 and c.state = 1)
	select least(min(due_at) filter (where known or due_at > now()),
			(select min(expires_at) from outbox where tenant_id = tenant
				and ended_at is null and expires_at > now())),
		min(id) filter (where not known and due_at <= now())
	into look_at, unknown from first;
end $$;

-- No row: another process has the asking engine's name. A row without a slice: nothing is due, see
-- outbox_look(). Else a slice: that of the claim whose commit was not answered (its ids coded), or a
-- new one of what is due, with a row for each of its ids. The engine holds it, and it is marked as
-- started: the claim is the mark.
create function outbox_claim(tenant integer, engine integer, life integer, lost_token bigint,
	new_token bigint, given bigint[], most bigint, most_bytes bigint,
	out slice bigint, out campaign bigint, out coded bytea, out count integer, out id bigint,
	out address text, out key text, out look_at timestamptz, out unknown bigint)
returns setof record
language plpgsql as $$
#variable_conflict use_column
declare
	taken bigint[];
begin
	-- So that no newer life of it can begin before the commit. What the engine settles meanwhile,
	-- which moves its position, does not wait.
	perform from engines e
	where e.tenant_id = tenant and e.id = engine and e.epoch = life for key share;
	if not found then
		return;
	end if;
	perform outbox_expire(tenant, 1000);
	if lost_token > 0 then
		select s.id, s.campaign_id, s.ids, s.count into slice, campaign, coded, count
		from slices s
		where s.tenant_id = tenant and s.lease_engine_id = engine and s.lease_epoch = life
			and s.state = 1 and s.lease_token = lost_token;
		if found then
			return next;
			return;
		end if;
	end if;
	select d.campaign, d.ids into campaign, taken
	from outbox_lock_due(tenant, given, most, most_bytes) d;
	if campaign is null then
		select w.look_at, w.unknown into look_at, unknown from outbox_look(tenant, given) w;
		return next;
		return;
	end if;
	insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, lease_engine_id,
		lease_epoch, lease_token, ids)
	values (tenant, campaign, 3, 1, cardinality(taken), taken[1], taken[cardinality(taken)], engine,
		life, new_token, id_bytes(taken))
	returning slices.id, slices.ids into slice, coded;
	insert into start_marks (tenant_id, campaign_id, slice_id, engine_id, epoch, ids)
	values (tenant, campaign, slice, engine, life, coded);
	coded := null;
	return query
	with started as (
		update outbox o set state = 1 from unnest(taken) as w(id)
		where o.tenant_id = tenant and o.id = w.id
		returning o.id, o.address, o.address_key)
	select slice, campaign, coded, count, s.id, s.address, s.address_key, look_at, unknown
	from started s order by s.id;
end $$;
