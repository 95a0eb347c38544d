-- Counts of attributes that are right at any time: a launch on ten million asks them and does not wait.
--
-- attribute_counts holds a count for each list and attribute, of its subscribers (state 1) who carry
-- the attribute with a value: neither null nor the empty string. The attribute '' stands for the
-- subscribers themselves. What has changed since is in attribute_changes: rows that are only inserted,
-- by triggers, in the transaction that changes a subscriber, so that nobody waits for a row that
-- everybody counts in. A count is the sum of both. Folding moves the one into the other.

create table attribute_changes (
	tenant_id integer not null,
	list_id bigint not null,
	attribute text not null,
	change bigint, -- NULL: two transactions met, the list is to be counted again
	number bigint not null generated always as identity
);
create index attribute_changes_list on attribute_changes (tenant_id, list_id);

create function attribute_present(value jsonb) returns boolean
language sql immutable parallel safe
return value is not null and value not in ('null'::jsonb, '""'::jsonb);

-- The attributes that count. Names of more than 200 bytes do not: no template has one.
create function attribute_names(attributes jsonb) returns setof text
language sql immutable parallel safe as $$
	select key
	from jsonb_each(case jsonb_typeof(attributes) when 'object' then attributes else '{}'::jsonb end)
	where value not in ('null'::jsonb, '""'::jsonb) and key <> '' and octet_length(key) <= 200
$$;

-- A list has counts for 10,000 names, the most frequent first; a list that has so many gets no new
-- ones until it is counted again, as what was not counted from the beginning would be wrong.
create function attribute_counts_fold(tenant integer) returns void
language plpgsql as $$
begin
	if current_setting('transaction_isolation') <> 'read committed'
		or not pg_try_advisory_xact_lock(1919051108, tenant) then
		return;
	end if;
	with gone as (
		delete from attribute_changes c where c.tenant_id = tenant and c.change is not null
		returning c.list_id, c.attribute, c.change),
	summed as (
		select list_id, attribute, sum(change) as change from gone group by list_id, attribute),
	known as (
		update attribute_counts a set count = a.count + s.change
		from summed s
		where a.tenant_id = tenant and a.list_id = s.list_id and a.attribute = s.attribute),
	held as materialized (
		select a.list_id, count(*) as count from attribute_counts a
		where a.tenant_id = tenant and a.list_id in (select list_id from summed) group by a.list_id),
	fresh as (
		select s.*, row_number() over (partition by s.list_id
			order by s.attribute = '' desc, s.change desc, s.attribute) as place
		from summed s
		where not exists (select from attribute_counts a where a.tenant_id = tenant
			and a.list_id = s.list_id and a.attribute = s.attribute))
	insert into attribute_counts (tenant_id, list_id, attribute, count)
	select tenant, f.list_id, f.attribute, f.change
	from fresh f left join held h using (list_id)
	where f.place <= 10000 - coalesce(h.count, 0);
end $$;

-- Counts a list afresh; false: somebody else is folding. One statement, and so one moment: whatever
-- was committed before it is counted and its changes are forgotten, all else comes as a change.
create function attribute_counts_recount(tenant integer, list bigint) returns boolean
language plpgsql as $$
begin
	if not pg_try_advisory_xact_lock(1919051108, tenant) then
		return false;
	end if;
	with forgotten as (
		delete from attribute_changes c where c.tenant_id = tenant and c.list_id = list),
	counted as (
		select '' as attribute, count(*) as count
		from subscriptions x join subscribers s on s.tenant_id = tenant and s.id = x.subscriber_id
		where x.tenant_id = tenant and x.list_id = list and x.state = 1
		union all
		(select n.attribute, count(*)
		from subscriptions x join subscribers s on s.tenant_id = tenant and s.id = x.subscriber_id
		cross join lateral attribute_names(s.attributes) as n(attribute)
		where x.tenant_id = tenant and x.list_id = list and x.state = 1
		group by n.attribute order by count(*) desc, n.attribute limit 9999)),
	cleared as (
		delete from attribute_counts a where a.tenant_id = tenant and a.list_id = list
			and not exists (select from counted c where c.attribute = a.attribute))
	insert into attribute_counts (tenant_id, list_id, attribute, count)
	select tenant, list, c.attribute, c.count from counted c
	on conflict (tenant_id, list_id, attribute) do update set count = excluded.count;
	return true;
end $$;

-- What nobody folds by hand is folded by whoever brings the next thousandth change.
create function attribute_changes_made() returns trigger
language plpgsql as $$
declare
	tenant integer;
begin
	for tenant in select distinct m.tenant_id from made m where m.number % 1000 = 0 loop
		perform attribute_counts_fold(tenant);
	end loop;
	return null;
end $$;
create trigger attribute_changes_made after insert on attribute_changes
	referencing new table as made for each statement execute function attribute_changes_made();

-- Ways for many rows at once: names that a sample of them has are counted by columns of one
-- aggregate, a third of what it costs to take each row's attributes apart. Rows that carry any other
-- name are then taken apart.
create function attribute_object(attributes jsonb) returns jsonb
language sql immutable parallel safe
return case jsonb_typeof(attributes) when 'object' then attributes else '{}'::jsonb end;

-- Onto a list, off it, and back.
create function subscriptions_counted_in() returns trigger
language plpgsql as $$
declare
	names text[] := '{}';
	others bigint := 1;
begin
	if (select count(*) from (select from counted_in limit 1000) x) = 1000 then
		names := array(select distinct a.name
			from (select s.attributes from counted_in n
				join subscribers s on s.tenant_id = n.tenant_id and s.id = n.subscriber_id limit 100) x
			cross join lateral attribute_names(x.attributes) as a(name) limit 60);
	end if;
	if cardinality(names) > 0 then
		execute format('with counted as (
				select n.tenant_id, n.list_id, array[%s] as counts,
					count(*) filter (where attribute_object(s.attributes) - $1 <> ''{}'') as others
				from counted_in n
				join subscribers s on s.tenant_id = n.tenant_id and s.id = n.subscriber_id
				where n.state = 1
				group by n.tenant_id, n.list_id),
			made as (
				insert into attribute_changes (tenant_id, list_id, attribute, change)
				select c.tenant_id, c.list_id, u.name, u.change
				from counted c cross join unnest($1, c.counts) as u(name, change)
				where u.change <> 0)
			select coalesce(sum(others), 0) from counted',
			(select string_agg(format('count(*) filter (where s.attributes ->> %L <> '''')', name), ', '
				order by place) from unnest(names) with ordinality as u(name, place)))
		into others using names;
	end if;
	insert into attribute_changes (tenant_id, list_id, attribute, change)
	select n.tenant_id, n.list_id, '', count(*)
	from counted_in n where n.state = 1 group by n.tenant_id, n.list_id;
	if others > 0 then
		insert into attribute_changes (tenant_id, list_id, attribute, change)
		select n.tenant_id, n.list_id, a.name, count(*)
		from counted_in n
		join subscribers s on s.tenant_id = n.tenant_id and s.id = n.subscriber_id
		cross join lateral attribute_names(attribute_object(s.attributes) - names) as a(name)
		where n.state = 1
		group by n.tenant_id, n.list_id, a.name;
	end if;
	return null;
end $$;
create trigger subscriptions_counted_in after insert on subscriptions
	referencing new table as counted_in
	for each statement execute function subscriptions_counted_in();

-- Whoever unsubscribes does not wait for an import that is changing the same person: what cannot be
-- locked may be counted wrongly, and so the list is marked.
create function subscriptions_counted_over() returns trigger
language plpgsql as $$
begin
	with moved as (
		select n.tenant_id, n.list_id, n.subscriber_id, case n.state when 1 then 1 else -1 end as sign
		from counted_in n join counted_out o using (tenant_id, list_id, subscriber_id)
		where (n.state = 1) <> (o.state = 1)),
	locked as (
		select s.tenant_id, s.id, s.attributes
		from subscribers s
		where (s.tenant_id, s.id) in (select m.tenant_id, m.subscriber_id from moved m)
		for share of s skip locked)
	insert into attribute_changes (tenant_id, list_id, attribute, change)
	select m.tenant_id, m.list_id, '', sum(m.sign) from moved m group by m.tenant_id, m.list_id
	union all
	select m.tenant_id, m.list_id, a.attribute, sum(m.sign)
	from moved m join locked l on l.tenant_id = m.tenant_id and l.id = m.subscriber_id
	cross join lateral attribute_names(l.attributes) as a(attribute)
	group by m.tenant_id, m.list_id, a.attribute
	union all
	select distinct m.tenant_id, m.list_id, '', null::bigint
	from moved m
	where not exists (select from locked l where l.tenant_id = m.tenant_id and l.id = m.subscriber_id);
	return null;
end $$;
create trigger subscriptions_counted_over after update on subscriptions
	referencing old table as counted_out new table as counted_in
	for each statement execute function subscriptions_counted_over();

-- With a subscriber who is gone, subscribers_counted_out() has counted.
create function subscriptions_counted_out() returns trigger
language plpgsql as $$
begin
	insert into attribute_changes (tenant_id, list_id, attribute, change)
	select o.tenant_id, o.list_id, '', -count(*)
	from counted_out o
	join subscribers s on s.tenant_id = o.tenant_id and s.id = o.subscriber_id
	where o.state = 1 group by o.tenant_id, o.list_id
	union all
	select o.tenant_id, o.list_id, a.attribute, -count(*)
	from counted_out o
	join subscribers s on s.tenant_id = o.tenant_id and s.id = o.subscriber_id
	cross join lateral attribute_names(s.attributes) as a(attribute)
	where o.state = 1
	group by o.tenant_id, o.list_id, a.attribute;
	if pg_trigger_depth() = 1 then
		insert into attribute_changes (tenant_id, list_id, attribute, change)
		select distinct o.tenant_id, o.list_id, '', null::bigint
		from counted_out o
		where o.state = 1 and not exists (select from subscribers s
			where s.tenant_id = o.tenant_id and s.id = o.subscriber_id);
	end if;
	return null;
end $$;
create trigger subscriptions_counted_out after delete on subscriptions
	referencing old table as counted_out
	for each statement execute function subscriptions_counted_out();

-- Somebody has other attributes, on every list they are on. Most changes are of values, not of what
-- is there, and end here.
create function subscribers_counted_over() returns trigger
language plpgsql as $$
declare
	names text[] := '{}';
	changed text := 'true';
begin
	if (select count(*) from (select from counted_in limit 1000) x) = 1000 then
		names := array(select distinct a.name from (select attributes from counted_in limit 100) x
			cross join lateral attribute_names(x.attributes) as a(name) limit 60);
	elsif not exists (select from counted_in n join counted_out o using (tenant_id, id)
			where n.attributes <> o.attributes) then
		return null;
	end if;
	if cardinality(names) > 0 then
		changed := (select string_agg(format('coalesce(n.attributes ->> %1$L <> '''', false)
				<> coalesce(o.attributes ->> %1$L <> '''', false)', name), ' or ')
			from unnest(names) as u(name))
			|| ' or attribute_object(n.attributes) - $1 <> attribute_object(o.attributes) - $1';
	end if;
	execute 'with moved as materialized (
			select n.tenant_id, n.id, n.attributes as after, o.attributes as before
			from counted_in n join counted_out o using (tenant_id, id)
			where n.attributes <> o.attributes and (' || changed || ')),
		signed as (
			select m.tenant_id, m.id, a.name, 1 as sign
			from moved m cross join lateral attribute_names(m.after) as a(name)
			where not attribute_present(m.before -> a.name)
			union all
			select m.tenant_id, m.id, a.name, -1
			from moved m cross join lateral attribute_names(m.before) as a(name)
			where not attribute_present(m.after -> a.name))
		insert into attribute_changes (tenant_id, list_id, attribute, change)
		select g.tenant_id, l.id, g.name, sum(g.sign)
		from signed g
		join lists l on l.tenant_id = g.tenant_id
		join subscriptions x on x.tenant_id = g.tenant_id and x.list_id = l.id
			and x.subscriber_id = g.id
		where x.state = 1
		group by g.tenant_id, l.id, g.name having sum(g.sign) <> 0'
	using names;
	return null;
end $$;
create trigger subscribers_counted_over after update on subscribers
	referencing old table as counted_out new table as counted_in
	for each statement execute function subscribers_counted_over();

-- Before subscribers_removed, which takes the subscriptions away: triggers run by their names.
create function subscribers_counted_out() returns trigger
language plpgsql as $$
begin
	with left_behind as (
		select x.tenant_id, x.list_id, o.attributes
		from counted_out o
		join lists l on l.tenant_id = o.tenant_id
		join subscriptions x on x.tenant_id = o.tenant_id and x.list_id = l.id
			and x.subscriber_id = o.id
		where x.state = 1)
	insert into attribute_changes (tenant_id, list_id, attribute, change)
	select b.tenant_id, b.list_id, '', -count(*)
	from left_behind b group by b.tenant_id, b.list_id
	union all
	select b.tenant_id, b.list_id, a.attribute, -count(*)
	from left_behind b cross join lateral attribute_names(b.attributes) as a(attribute)
	group by b.tenant_id, b.list_id, a.attribute;
	return null;
end $$;
create trigger subscribers_counted_out after delete on subscribers
	referencing old table as counted_out
	for each statement execute function subscribers_counted_out();

select attribute_counts_recount(tenant_id, id) from lists;
