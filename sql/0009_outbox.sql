-- The outbox: transactional mail, handed over by inserting a row.

-- kind: 0 newsletter, to an audience that is cut from lists; 1 transactional, to the rows of the
-- outbox that name it: it has no audience, and runs until it is cancelled. expires_after: how long
-- a row of such a campaign may wait that does not say so itself; NULL: as long as it takes.
alter table campaigns
	add column kind smallint not null default 0,
	add column expires_after interval;

create table outbox_states (
	number smallint primary key,
	name text not null unique
);
insert into outbox_states values (0, 'queued'), (1, 'sending'), (2, 'deferred'), (3, 'delivered'),
	(4, 'failed'), (5, 'in-doubt'), (6, 'expired'), (7, 'cancelled'), (8, 'suppressed');

-- A row's id stands where a subscriber's does in slices, deferrals and deliveries. Ids begin
-- where subscribers' never come to (2^40), so that none can be taken for the other.
create table outbox (
	tenant_id integer not null default 1 references tenants,
	id bigint not null generated always as identity (start with 1099511627776),
	-- What a program says: see sql/README.md.
	template text not null default 'ready',
	address text not null check (octet_length(address) between 3 and 1000),
	name text not null default '' check (octet_length(name) <= 1000),
	subject text,
	html text,
	text text,
	attributes jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
	key text check (octet_length(key) between 1 and 255),
	priority smallint not null default 5 check (priority between 0 and 9), -- 9 is the first
	not_before timestamptz,
	expires_at timestamptz,
	created_at timestamptz not null default now(),
	-- What rundbrief makes of it, and what came of it.
	campaign_id bigint not null,
	address_key text collate "C" not null,
	size integer not null check (size <= 8388608),
	state smallint not null default 0,
	due_at timestamptz not null, -- waiting ones: the next attempt
	attempts smallint not null default 0,
	class smallint not null default 0,
	code smallint not null default 0,
	reply_status integer not null default 0,
	reply text not null default '',
	ended_at timestamptz,
	primary key (tenant_id, id),
	unique (tenant_id, key),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index outbox_due on outbox (tenant_id, campaign_id, priority, due_at, id) where state = 0;
create index outbox_expiring on outbox (tenant_id, expires_at)
	where expires_at is not null and ended_at is null;
create index outbox_address on outbox (tenant_id, address_key);

-- An address is compared with ASCII in lower case; whoever claims the row puts in the exact key,
-- which needs IDNA. What the engine writes is not a program's to give.
create function outbox_row_added() returns trigger
language plpgsql as $$
declare
	found_campaign record;
begin
	select id, kind, state, expires_after into found_campaign from campaigns
	where tenant_id = new.tenant_id and name = new.template;
	if found_campaign.kind is distinct from 1 then
		raise exception 'there is no transactional campaign "%"', new.template
			using errcode = 'foreign_key_violation';
	elsif found_campaign.state not in (1, 2) then
		raise exception 'the transactional campaign "%" is not running', new.template
			using errcode = 'object_not_in_prerequisite_state';
	end if;
	new.campaign_id := found_campaign.id;
	new.address := btrim(new.address);
	new.address_key := lower(new.address collate "C");
	new.size := octet_length(coalesce(new.subject, '')) + octet_length(coalesce(new.html, ''))
		+ octet_length(coalesce(new.text, '')) + octet_length(new.attributes::text);
	new.due_at := coalesce(new.not_before, now());
	new.created_at := now();
	new.expires_at := coalesce(new.expires_at, new.due_at + found_campaign.expires_after);
	new.state := 0;
	new.ended_at := null;
	return new;
end $$;
create trigger outbox_row_added before insert on outbox
	for each row execute function outbox_row_added();

-- The bell: engines that listen look at once.
create function outbox_added() returns trigger
language plpgsql as $$
begin
	perform pg_notify('rundbrief_outbox', t.tenant_id::text)
	from (select distinct tenant_id from added) t;
	return null;
end $$;
create trigger outbox_added after insert on outbox
	referencing new table as added for each statement execute function outbox_added();

-- What the template sees: the attributes, and ready content under its columns' names.
create function outbox_values(o outbox) returns jsonb
language sql stable as $$
	select case when o.subject is null and o.html is null and o.text is null then o.attributes
		else o.attributes || jsonb_strip_nulls(jsonb_build_object(
			'subject', o.subject, 'html', o.html, 'text', o.text)) end
$$;

-- Why an address gets no mail of any kind; 0: it may. Who has left lists still gets receipts.
create function address_suppressed(tenant integer, address_key text) returns smallint
language sql stable as $$
	select coalesce((select x.reason from suppressions x
		where x.tenant_id = $1 and x.address_hash = address_hash($2) and x.scope = 0
			and x.reason <> 103), 0::smallint)
$$;

-- The address key behind an id of deliveries: a subscriber's, or an outbox row's.
create function recipient_key(tenant integer, recipient bigint) returns text
language sql stable as $$
	select address_key from subscribers where tenant_id = $1 and id = $2
	union all
	select address_key from outbox where tenant_id = $1 and id = $2 limit 1
$$;

-- Strictly ascending ids as varint differences, as engine/base/codec.h writes them.
create function id_bytes(ids bigint[]) returns bytea
language plpgsql immutable strict as $$
declare
	coded bytea := '';
	before bigint := 0;
	rest bigint;
	id bigint;
begin
	foreach id in array ids loop
		rest := id - before;
		before := id;
		while rest > 127 loop
			coded := coded || set_byte('\x00'::bytea, 0, (rest & 127 | 128)::integer);
			rest := rest >> 7;
		end loop;
		coded := coded || set_byte('\x00'::bytea, 0, rest::integer);
	end loop;
	return coded;
end $$;

-- Ends rows that nobody works on, locked by the caller, with their verdict: expired, or cancelled.
-- Those never started become a slice that is settled, so that the campaign's numbers add up; of
-- those that waited for another attempt the deferral goes, unless a retry slice has it already.
-- Returns how many ended.
create function outbox_end(tenant integer, campaign bigint, given bigint[], is_expired boolean)
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
		insert into deliveries (tenant_id, campaign_id, slice_id, subscriber_id, at, date_at,
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

-- Ends rows whose time is over before they were sent, at most so many a call.
create function outbox_expire(tenant integer, most integer) returns integer
language plpgsql as $$
#variable_conflict use_column
declare
	part record;
	ended integer := 0;
begin
	for part in
		with over as (
			select campaign_id, id from outbox
			where tenant_id = tenant and expires_at <= now() and ended_at is null
				and state in (0, 2, 5)
			order by expires_at limit most for update skip locked)
		select campaign_id, array_agg(id) as ids from over group by campaign_id
	loop
		ended := ended + outbox_end(tenant, part.campaign_id, part.ids, true);
	end loop;
	return ended;
end $$;

-- For programs: cancels a row that waits. False: it is being sent, has ended, or there is none.
create function outbox_cancel(tenant integer, row_id bigint) returns boolean
language plpgsql as $$
declare
	its_campaign bigint;
begin
	select campaign_id into its_campaign from outbox
	where tenant_id = tenant and id = row_id and ended_at is null and state in (0, 2, 5)
	for update;
	return found and outbox_end(tenant, its_campaign, array[row_id], false) > 0;
end $$;

-- For the end of a cancelled campaign: whoever waits in it.
create function outbox_cancel_all(tenant integer, campaign bigint) returns integer
language plpgsql as $$
#variable_conflict use_column
declare
	part bigint[];
	ended integer := 0;
begin
	loop
		select array_agg(id) into part from (
			select id from outbox
			where tenant_id = tenant and campaign_id = campaign and state = 0
			order by priority, due_at, id limit 1000 for update) w;
		exit when part is null;
		ended := ended + outbox_end(tenant, campaign, part, false);
	end loop;
	return ended;
end $$;

-- What became of each row, for programs. A row that waits is expired when its time is over, even
-- before anybody has written that down.
create view outbox_status as
select o.tenant_id, o.id, o.key, o.template, o.address,
	case when o.ended_at is null and o.state in (0, 2, 5) and o.expires_at <= now() then 'expired'
		when o.state = 0 and c.state in (3, 4) then 'cancelled'
		else s.name end as status,
	o.attempts, k.name as class, o.code, status_text(o.reply_status) as reply_status, o.reply,
	case when o.ended_at is null and o.state in (0, 2, 5) then o.due_at end as next_attempt_at,
	o.priority, o.created_at, o.not_before, o.expires_at, o.ended_at
from outbox o
join outbox_states s on s.number = o.state
join campaigns c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
left join (select number, name from classes union select number, name from reasons) k
	on k.number = o.class;

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
