-- What was delivered in one batch, alike but for a few numbers, is kept together: a row for some fifty
-- recipients, which costs a fourth of fifty rows. So there are two tables, and a view that reads both.

alter table deliveries rename to delivery_rows;

-- Those of one slice, final, taken by a server (verdict 1, origin 0), that share what
-- stands before the arrays. ids, ats and dates are differences to the row's own, times in microseconds.
-- Nothing of it is changed later: nothing is better than delivered, whatever is told late. As large as
-- a third of a page at most, so that nothing is compressed or moved out of line.
create table delivery_packs (
	campaign_id bigint not null,
	slice_id bigint not null,
	base_id bigint not null,
	base_at timestamptz not null,
	base_date timestamptz not null,
	tenant_id integer not null,
	revision integer not null,
	status integer not null,
	class smallint not null,
	stage smallint not null,
	code smallint not null,
	attempt smallint not null,
	cause text not null,
	provider text not null,
	source text not null,
	site text not null,
	mx_host text not null,
	ids integer[] not null,
	ats integer[] not null,
	dates integer[] not null,
	durations integer[] not null,
	sizes integer[] not null,
	texts text[] not null
) partition by list (campaign_id);

-- One row a recipient and attempt. Ask for a slice's by a lateral query of its own (offset 0): a join
-- would unpack a whole campaign.
create view deliveries as
select campaign_id, slice_id, subscriber_id, at, date_at, tenant_id, revision, status, duration_ms,
	size, verdict, class, stage, code, attempt, origin, final, cause, provider, source, site, mx_host,
	text
from delivery_rows
union all
select p.campaign_id, p.slice_id, p.base_id + u.id, p.base_at + u.at * interval '1 microsecond',
	p.base_date + u.date * interval '1 microsecond', p.tenant_id, p.revision, p.status,
	u.duration_ms, u.size, 1::smallint, p.class, p.stage, p.code, p.attempt, 0::smallint, true,
	p.cause, p.provider, p.source, p.site, p.mx_host, u.text
from delivery_packs p
cross join lateral unnest(p.ids, p.ats, p.dates, p.durations, p.sizes, p.texts)
	as u(id, at, date, duration_ms, size, text);

create function campaign_pack_partition(campaign_id bigint) returns void
language plpgsql as $$
declare
	name text := 'delivery_packs_' || campaign_id;
begin
	execute format('create table %I (like delivery_packs including defaults)
		with (autovacuum_vacuum_insert_threshold = -1, toast_tuple_target = 8160)', name);
	execute format('create index %I on %I using brin (slice_id)
		with (pages_per_range = 16, autosummarize = on)', name || '_slice', name);
	execute format('alter table delivery_packs attach partition %I for values in (%s)', name,
		campaign_id);
end $$;

create or replace function campaign_partition(campaign_id bigint) returns void
language plpgsql as $$
declare
	name text := 'deliveries_' || campaign_id;
begin
	if to_regclass(name) is not null then
		return;
	end if;
	-- Made first and attached then: attaching takes the lesser lock on the parent. It looks for
	-- strangers in a table without rows, so no check tells it that there are none: each row would pay.
	execute format('create table %I (like delivery_rows including defaults)
		with (autovacuum_vacuum_insert_threshold = -1)', name);
	execute format('create index %I on %I using brin (slice_id)
		with (pages_per_range = 16, autosummarize = on)', name || '_slice', name);
	execute format('alter table delivery_rows attach partition %I for values in (%s)', name, campaign_id);
	perform campaign_pack_partition(campaign_id);
end $$;

select campaign_pack_partition(c.id) from campaigns c where to_regclass('deliveries_' || c.id) is not null;

-- Ends rows that nobody works on, locked by the caller, with their verdict: expired, or cancelled.
-- Those never started become a slice that is settled, so that the campaign's numbers add up; of
-- those that waited for another attempt the deferral goes, unless a retry slice has it already.
-- Returns how many ended.
create or replace function outbox_end(tenant integer, campaign bigint, given bigint[], is_expired boolean)
returns integer
language plpgsql as $$
#variable_conflict use_column
declare
	fresh bigint[];
	made bigint := 0;
	ended integer;
begin
	select array_agg(id order by id) into fresh from outbox
	where tenant_id = tenant and campaign_id = campaign and id = any(given) and state = 0;
	if fresh is not null then
		insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, ids)
		values (tenant, campaign, 3, 2, cardinality(fresh), fresh[1],
			fresh[cardinality(fresh)], id_bytes(fresh))
		returning id into made;
	end if;
	with gone as (
		delete from deferrals d
		where d.tenant_id = tenant and d.campaign_id = campaign
			and d.subscriber_id = any(given) and d.slice_id is null
		returning d.subscriber_id, d.date_at, d.revision, d.provider, d.source, d.text),
	told as (
		update outbox o set state = case when is_expired then 6 else 7 end,
			class = case when is_expired then 18 else class end, ended_at = now()
		where o.tenant_id = tenant and o.campaign_id = campaign and o.id = any(given)
			and (o.state = 0 or o.id in (select subscriber_id from gone))
		returning o.id),
	noted as (
		insert into delivery_rows (tenant_id, campaign_id, slice_id, subscriber_id, at, date_at,
			revision, status, duration_ms, size, verdict, class, stage, code, attempt,
			origin, final, cause, provider, source, site, mx_host, text)
		select tenant, campaign, case when g.subscriber_id is null then made else 0 end, t.id,
			now(), g.date_at, coalesce(g.revision, 0),
			case when is_expired then 4004007 else 5007000 end, 0, 0,
			case when is_expired then 3 else 6 end, case when is_expired then 18 else 0 end,
			0, 554, 0, 1, true, case when is_expired then 'expired' else 'cancelled' end,
			coalesce(g.provider, ''), coalesce(g.source, ''), '', '', coalesce(g.text, '')
		from told t left join gone g on g.subscriber_id = t.id
		returning provider, verdict, class),
	counted as (
		insert into tallies as t (tenant_id, campaign_id, engine_id, verdict, class, tries,
			final, provider, count)
		select tenant, campaign, 0, verdict, class, 0, true, provider, count(*)
		from noted group by provider, verdict, class
		on conflict (tenant_id, campaign_id, engine_id, verdict, class, tries, final, provider)
		do update set count = t.count + excluded.count)
	select count(*) into ended from noted;
	return ended;
end $$;

-- Deliveries with names, for people: an outbox row has an address of its own.
create or replace view outcomes as
select d.tenant_id, d.campaign_id, d.slice_id, d.subscriber_id,
	coalesce(s.address, o.address) as address, d.at, d.date_at,
	v.name as verdict, d.final, r.name as class, d.cause, g.name as stage,
	case d.origin when 0 then 'server' else 'local' end as origin,
	d.code, status_text(d.status) as status, d.text, d.attempt, d.revision,
	d.provider, d.site, d.mx_host, d.source, d.duration_ms, d.size
from deliveries d
join verdicts v on v.number = d.verdict
join stages g on g.number = d.stage
left join (select number, name from classes union select number, name from reasons) r
	on r.number = d.class
left join subscribers s on s.tenant_id = d.tenant_id and s.id = d.subscriber_id
left join outbox o on o.tenant_id = d.tenant_id and o.id = d.subscriber_id
	and d.subscriber_id >= 1099511627776;

-- When the last attempt ended stands beside when the first ones did: a report reads no deliveries for
-- it. NULL: an engine that made no first attempt.
alter table campaign_provider_times alter first_at drop not null,
	alter last_first_attempt_at drop not null, add last_at timestamptz;
insert into campaign_provider_times (tenant_id, campaign_id, engine_id, provider, first_at,
	last_first_attempt_at, last_at)
select tenant_id, campaign_id, 0, left(provider, 64), min(at) filter (where attempt = 1),
	max(at) filter (where attempt = 1), max(at)
from delivery_rows where attempt > 0 group by 1, 2, 4;

-- As before, but for `state < 2` in the count of many: of a table of changes the planner knows no
-- figures, takes one in two hundred to be equal to anything, and looked a million people up one by one.
-- One in three brings it to what is cheaper for as many as there are.
create or replace function subscriptions_counted_in() returns trigger
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
