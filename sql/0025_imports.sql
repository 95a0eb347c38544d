-- Who adds many at once may count them while reading them, and look their suppressions up before: in a
-- transaction that says `set local rundbrief.counted = 'yes'` inserts are not looked at a second time.

create or replace function subscribers_added() returns trigger
language plpgsql as $$
begin
	if current_setting('rundbrief.counted', true) = 'yes' then
		return null;
	end if;
	if exists (select from suppressions) then
		update subscribers s set suppressed = x.reason
		from added a join suppressions x
			on x.tenant_id = a.tenant_id and x.address_hash = address_hash(a.address_key)
		where s.tenant_id = a.tenant_id and s.id = a.id and x.scope = 0;
	end if;
	if exists (select from suppressions_scoped where address_hash <> '') then
		update suppressions_scoped x set subscriber_id = a.id
		from added a
		where x.tenant_id = a.tenant_id and x.address_hash = address_hash(a.address_key);
	end if;
	return null;
end $$;

create or replace function subscriptions_counted_in() returns trigger
language plpgsql as $$
declare
	names text[] := '{}';
	others bigint := 1;
begin
	if current_setting('rundbrief.counted', true) = 'yes' then
		return null;
	end if;
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
				where n.state < 2
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
