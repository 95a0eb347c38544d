-- Suppressions with evidence, scope and decay; strikes that lead to them; incidents of providers,
-- during which they wait for review.

-- The reply that led to it; of one that a person made, nothing. status 5.1.1 is 5001001. text is
-- bounded, and forgotten with an erasure. expires_at NULL: it stays.
alter table suppressions
	add column cause text not null default '',
	add column code smallint not null default 0,
	add column status integer not null default 0,
	add column text text not null default '',
	add column provider text collate "C" not null default '',
	add column source text not null default '',
	add column seen_at timestamptz,
	add column expires_at timestamptz;
create index suppressions_expire on suppressions (tenant_id, expires_at) where expires_at is not null;
create index suppressions_provider on suppressions (tenant_id, provider, seen_at) where provider <> '';

-- What holds for less than an address everywhere, or for more: an address for one list or one
-- sender, a domain for everything, for one list or one sender. They are few, so they are looked up
-- when a slice is read, and never cost those that have none. address_hash is empty for a domain;
-- list_id 0 and sender '': everywhere. sender: a From address, or a domain of such.
create table suppressions_scoped (
	tenant_id integer not null references tenants,
	address_hash bytea not null default '',
	domain text collate "C" not null default '',
	list_id bigint not null default 0,
	sender text collate "C" not null default '',
	subscriber_id bigint,
	address text collate "C",
	reason smallint not null references reasons,
	campaign_id bigint,
	at timestamptz not null default now(),
	cause text not null default '',
	code smallint not null default 0,
	status integer not null default 0,
	text text not null default '',
	provider text collate "C" not null default '',
	source text not null default '',
	seen_at timestamptz,
	expires_at timestamptz,
	primary key (tenant_id, address_hash, domain, list_id, sender),
	check ((address_hash = '') <> (domain = '')),
	check (domain <> '' or list_id <> 0 or sender <> '')
);
create index suppressions_scoped_subscriber on suppressions_scoped (tenant_id, subscriber_id)
	where subscriber_id is not null;
create index suppressions_scoped_domain on suppressions_scoped (tenant_id, domain) where domain <> '';

create function suppressions_expire(tenant integer) returns void
language sql as $$
	delete from suppressions where tenant_id = tenant and expires_at < now();
	delete from suppressions_scoped where tenant_id = tenant and expires_at < now();
$$;

-- A campaign's From address, in lower case.
create function campaign_sender(tenant integer, campaign bigint) returns text
language sql stable
return (select lower(t.settings ->> 'from_address') from campaigns c
	join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
	where c.tenant_id = tenant and c.id = campaign);

create function sender_covers(sender text, address text) returns boolean
language sql immutable
return sender = '' or sender = address or sender = split_part(address, '@', 2);

-- Whom of a range (or, ids being given, of these) a campaign does not reach for a scope's sake.
-- Somebody who is suppressed for one list is reached through another one of the campaign's.
create function scoped_out(tenant integer, campaign bigint, lo bigint, hi bigint, ids bigint[])
returns table (subscriber_id bigint, reason smallint)
language plpgsql stable as $$
declare
	from_address text;
	lists bigint[];
begin
	if not exists (select from suppressions_scoped x where x.tenant_id = tenant) then
		return;
	end if;
	from_address := coalesce(campaign_sender(tenant, campaign), '');
	select c.list_ids into lists from campaigns c where c.tenant_id = tenant and c.id = campaign;
	return query
	select x.subscriber_id, x.reason from suppressions_scoped x
	where x.tenant_id = tenant and x.subscriber_id between lo and hi
		and (ids is null or x.subscriber_id = any(ids))
		and sender_covers(x.sender, from_address) and list_is_shut(tenant, x.list_id, lists, x.subscriber_id);
	if not exists (select from suppressions_scoped x where x.tenant_id = tenant and x.domain <> '') then
		return;
	end if;
	-- Looked up one by one: a join may choose to read all domains for every slice.
	if ids is null then
		return query
		select s.id, d.reason from subscribers s
		cross join lateral (select x.reason from suppressions_scoped x
			where x.tenant_id = tenant and x.domain = s.domain and x.domain <> ''
				and sender_covers(x.sender, from_address)
				and list_is_shut(tenant, x.list_id, lists, s.id) limit 1) d
		where s.tenant_id = tenant and s.id between lo and hi;
	else
		return query
		select s.id, d.reason from unnest(ids) w(id)
		join subscribers s on s.tenant_id = tenant and s.id = w.id
		cross join lateral (select x.reason from suppressions_scoped x
			where x.tenant_id = tenant and x.domain = s.domain and x.domain <> ''
				and sender_covers(x.sender, from_address)
				and list_is_shut(tenant, x.list_id, lists, s.id) limit 1) d;
	end if;
end $$;

-- Whether none but this list (0: whatever list) leads from the campaign to the subscriber.
create function list_is_shut(tenant integer, list bigint, lists bigint[], subscriber bigint)
returns boolean
language sql stable
return list = 0 or (list = any(lists) and not exists (select from subscriptions y
	where y.tenant_id = tenant and y.subscriber_id = subscriber and y.state = 1
		and y.list_id = any(lists) and y.list_id <> list));

-- Stops: kind 4 is a provider that is stopped, 5 one that is let go.
alter table stops add column provider text collate "C" not null default '';

create function scoped_added() returns trigger
language plpgsql as $$
declare
	tenant integer;
begin
	update suppressions_scoped x set subscriber_id = s.id
	from added a join subscribers s on s.tenant_id = a.tenant_id and s.address_key = a.address
	where a.address_hash <> '' and x.tenant_id = a.tenant_id and x.address_hash = a.address_hash
		and x.subscriber_id is distinct from s.id;
	for tenant in select distinct tenant_id from added where address_hash <> '' loop
		perform stops_begin(tenant);
		insert into stops (tenant_id, kind, campaign_id, subscriber_id, reason)
		select tenant, 3, c.id, s.id, a.reason
		from added a
		join subscribers s on s.tenant_id = tenant and s.address_key = a.address
		join campaigns c on c.tenant_id = tenant and c.state in (1, 2)
			and list_is_shut(tenant, a.list_id, c.list_ids, s.id)
		where a.tenant_id = tenant and a.address_hash <> ''
			and sender_covers(a.sender, coalesce(campaign_sender(tenant, c.id), ''));
	end loop;
	return null;
end $$;
create trigger scoped_added after insert on suppressions_scoped
	referencing new table as added for each statement execute function scoped_added();

create or replace function subscribers_added() returns trigger
language plpgsql as $$
begin
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

-- Counting over time. A rule says when strikes of a cause become a suppression: after so many
-- (with no delivery between them), on so many different days (UTC), the last at least so long
-- after the first. count_min 1: at once. decay: how long the suppression then lasts (NULL: for
-- good). for_sender: it holds for the campaign's sender only. Strikes older than 90 days do not
-- count. A cause without a rule never suppresses.
create table strike_rules (
	rule smallint primary key, -- the number of a class, or above 200
	name text not null unique,
	reason smallint not null references reasons,
	count_min integer not null,
	days_min integer not null,
	span interval not null,
	decay interval,
	for_sender boolean not null default false
);
insert into strike_rules values
	(1, 'bad-mailbox', 1, 1, 1, '0', null, false),
	(2, 'inactive-mailbox', 2, 2, 2, '7 days', null, false),
	(3, 'bad-domain', 3, 1, 1, '0', null, false),
	(4, 'mailbox-full', 4, 5, 1, '14 days', '180 days', false),
	(5, 'recipient-refused', 5, 2, 1, '0', '365 days', true),
	(20, 'unknown', 20, 3, 3, '0', '180 days', false),
	(21, 'complaint', 21, 1, 1, '0', null, false),
	(201, 'no-domain', 3, 2, 1, '24 hours', '365 days', false);

create table strikes (
	tenant_id integer not null,
	subscriber_id bigint not null,
	rule smallint not null references strike_rules,
	sender text collate "C" not null default '',
	count integer not null,
	days integer not null,
	first_at timestamptz not null,
	last_at timestamptz not null,
	provider text collate "C" not null, -- of the last
	primary key (tenant_id, subscriber_id, rule, sender)
) with (fillfactor = 80);
create index strikes_provider on strikes (tenant_id, provider, last_at) where provider <> '';

-- Sightings of a domain that takes no mail. The second, of another address or later, suppresses
-- it; where only DNS says so (rule 201), a day must lie between them.
create table domain_strikes (
	tenant_id integer not null,
	domain text collate "C" not null,
	rule smallint not null references strike_rules,
	count integer not null,
	first_at timestamptz not null,
	last_at timestamptz not null,
	primary key (tenant_id, domain, rule)
);

create or replace function subscribers_removed() returns trigger
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
	delete from strikes k using removed r
	where k.tenant_id = r.tenant_id and k.subscriber_id = r.id;
	update suppressions_scoped x set subscriber_id = null from removed r
	where x.tenant_id = r.tenant_id and x.subscriber_id = r.id;
	return null;
end $$;

-- What a provider answered on a day (UTC), per engine, so that engines do not wait for each other.
create table provider_days (
	tenant_id integer not null,
	provider text collate "C" not null,
	day date not null,
	engine_id integer not null,
	answers bigint not null default 0, -- to RCPT and to the final dot
	bad_mailbox bigint not null default 0,
	deferred bigint not null default 0,
	blocked bigint not null default 0,
	complaints bigint not null default 0,
	delivered bigint not null default 0,
	primary key (tenant_id, provider, day, engine_id)
) with (fillfactor = 50);

-- A provider that suddenly does not know its own users. state: 0 open, 1 false alarm (the users
-- live: what was held is dropped), 2 confirmed (they do not: it became suppressions).
create table incidents (
	tenant_id integer not null references tenants,
	id bigint not null generated by default as identity,
	provider text collate "C" not null,
	state smallint not null default 0,
	window_from timestamptz not null,
	detected_at timestamptz not null,
	reviewed_at timestamptz,
	rate real not null,
	usual real not null,
	counted integer not null,
	bad integer not null,
	primary key (tenant_id, id)
);
create unique index incidents_open on incidents (tenant_id, provider) where state = 0;

-- Suppressions that wait for the review of an incident: nobody is kept from anything by them.
-- taken_back: it had counted before.
create table suppressions_held (
	tenant_id integer not null,
	incident_id bigint not null,
	address_hash bytea not null,
	address text collate "C",
	reason smallint not null references reasons,
	campaign_id bigint,
	at timestamptz not null default now(),
	cause text not null default '',
	code smallint not null default 0,
	status integer not null default 0,
	text text not null default '',
	provider text collate "C" not null default '',
	source text not null default '',
	seen_at timestamptz,
	expires_at timestamptz,
	taken_back boolean not null default false,
	primary key (tenant_id, incident_id, address_hash),
	foreign key (tenant_id, incident_id) references incidents on delete cascade
);

-- How often a provider usually says that a mailbox does not exist: the 30 days before today,
-- without those of incidents that were none of the addresses' fault or are not reviewed yet.
create function provider_usual(tenant integer) returns table (provider text, answers bigint, rate real)
language sql stable as $$
	select d.provider, sum(d.answers)::bigint, (sum(d.bad_mailbox) / sum(d.answers))::real
	from provider_days d
	where d.tenant_id = tenant and d.provider <> ''
		and d.day between (now() at time zone 'UTC')::date - 30 and (now() at time zone 'UTC')::date - 1
		and not exists (select from incidents i
			where i.tenant_id = tenant and i.provider = d.provider and i.state <> 2
			and d.day between (i.window_from at time zone 'UTC')::date
				and (coalesce(i.reviewed_at, now()) at time zone 'UTC')::date)
	group by d.provider having sum(d.answers) > 0
$$;

-- An incident begins: the provider is stopped everywhere, and what was suppressed by its word since
-- the window began waits for review (a minute more, for clocks that differ). Found twice, by two
-- engines or after an answer that was lost, it is one.
create function incident_open(tenant integer, name text, window_from timestamptz, detected_at timestamptz,
	rate real, usual real, counted integer, bad integer)
returns table (incident_id bigint, is_new boolean, held bigint)
language plpgsql as $$
begin
	perform stops_begin(tenant);
	select i.id, false into incident_id, is_new from incidents i
	where i.tenant_id = tenant and i.provider = name and i.state = 0;
	if incident_id is null then
		insert into incidents as i (tenant_id, provider, window_from, detected_at, rate, usual, counted, bad)
		values (tenant, name, window_from, detected_at, rate, usual, counted, bad)
		returning i.id, true into incident_id, is_new;
		insert into stops (tenant_id, kind, provider) values (tenant, 4, name);
	end if;
	with taken as (
		delete from suppressions s
		where s.tenant_id = tenant and s.provider = name and s.scope = 0 and s.reason in (1, 2)
			and s.seen_at >= window_from - interval '1 minute'
		returning s.*)
	insert into suppressions_held (tenant_id, incident_id, address_hash, address, reason, campaign_id,
		at, cause, code, status, text, provider, source, seen_at, expires_at, taken_back)
	select t.tenant_id, incident_open.incident_id, t.address_hash, t.address, t.reason, t.campaign_id,
		t.at, t.cause, t.code, t.status, t.text, t.provider, t.source, t.seen_at, t.expires_at, true
	from taken t
	on conflict do nothing;
	select count(*) into held from suppressions_held h
	where h.tenant_id = tenant and h.incident_id = incident_open.incident_id;
	return next;
end $$;

-- A person has looked at it: the provider goes on. What was held becomes suppressions, or counts
-- for nothing any more, and neither do the strikes since the window began. The rows stay, as the
-- record of who was told that he does not exist. No row: it is not open.
create function incident_resolve(tenant integer, incident bigint, confirm boolean)
returns table (provider text, held bigint)
language plpgsql as $$
#variable_conflict use_column
declare
	found_provider text;
	found_from timestamptz;
begin
	perform stops_begin(tenant);
	update incidents i set state = case when confirm then 2 else 1 end, reviewed_at = now()
	where i.tenant_id = tenant and i.id = incident and i.state = 0
	returning i.provider, i.window_from into found_provider, found_from;
	if found_provider is null then
		return;
	end if;
	if confirm then
		insert into suppressions (tenant_id, address_hash, address, reason, campaign_id, cause, code,
			status, text, provider, source, seen_at, expires_at)
		select h.tenant_id, h.address_hash, h.address, h.reason, h.campaign_id, h.cause, h.code, h.status,
			h.text, h.provider, h.source, h.seen_at, h.expires_at
		from suppressions_held h
		where h.tenant_id = tenant and h.incident_id = incident and h.address is not null
		on conflict do nothing;
	else
		delete from strikes k
		where k.tenant_id = tenant and k.provider = found_provider
			and k.last_at >= found_from - interval '1 minute';
	end if;
	insert into stops (tenant_id, kind, provider) values (tenant, 5, found_provider);
	-- What was put back meanwhile need not wait for its time.
	update slices x set due_at = now()
	where x.tenant_id = tenant and x.state = 0 and x.kind = 2 and x.due_at > now();
	return query select found_provider, count(*) from suppressions_held h
		where h.tenant_id = tenant and h.incident_id = incident;
end $$;
