-- When a campaign may be sent, what stops it by itself, and what it is judged by.

-- reason: why it is paused or was cancelled, when no person did it; one sentence. expected: whom
-- its lists held at launch; 0: not known (a filter chooses). resumed_at: a person let it go on.
alter table campaigns
	add column reason text not null default '',
	add column expected bigint not null default 0,
	add column resumed_at timestamptz,
	add column cut_before bigint not null default 0; -- recipients in slices at resumed_at

-- Complaints are counted for their campaign.
create index suppressions_complaints on suppressions (tenant_id, campaign_id) where reason = 21;

-- What the circuit breaker sees of a campaign, per provider ('': mail hosts that are nobody's): of
-- all engines, a few hundred tallies. attempted: recipients, by their first attempt. settled: those
-- with a final verdict. answered: attempts that a server answered. Numbers are those of classes.
create function campaign_counts(tenant integer, campaign bigint)
returns table (provider text, attempted bigint, delivered bigint, hard bigint, settled bigint,
	complaints bigint, answered bigint, blocked bigint, auth_failed bigint, sender_rejected bigint,
	content_rejected bigint)
language sql stable as $$
	select t.provider,
		coalesce(sum(t.count) filter (where t.tries = 1 and t.verdict in (1, 2, 3, 4)), 0)::bigint,
		coalesce(sum(t.count) filter (where t.final and t.verdict = 1), 0)::bigint,
		coalesce(sum(t.count) filter (where t.final and t.verdict = 3 and t.class in (1, 2, 3)), 0)::bigint,
		coalesce(sum(t.count) filter (where t.final and t.engine_id <> 0), 0)::bigint,
		0::bigint,
		coalesce(sum(t.count) filter (where a.yes), 0)::bigint,
		coalesce(sum(t.count) filter (where a.yes and (t.class = 9
			or (t.class in (12, 15) and t.verdict = 3))), 0)::bigint,
		coalesce(sum(t.count) filter (where a.yes and t.class = 10), 0)::bigint,
		coalesce(sum(t.count) filter (where a.yes and t.class = 11 and t.verdict = 3), 0)::bigint,
		coalesce(sum(t.count) filter (where a.yes and t.class = 13 and t.verdict = 3), 0)::bigint
	from tallies t
	cross join lateral (select t.tries > 0 and t.verdict in (1, 2, 3) and t.class <> 17 as yes) a
	where t.tenant_id = tenant and t.campaign_id = campaign
	group by t.provider
	union all
	select '', 0, 0, 0, 0, count(*), 0, 0, 0, 0, 0 from suppressions x
	where x.tenant_id = tenant and x.campaign_id = campaign and x.reason = 21
$$;

-- The counts when a person resumed it: what came before has been seen, and is not judged again.
create table campaign_judged (
	tenant_id integer not null,
	campaign_id bigint not null,
	provider text collate "C" not null,
	attempted bigint not null,
	delivered bigint not null,
	hard bigint not null,
	settled bigint not null,
	complaints bigint not null,
	answered bigint not null,
	blocked bigint not null,
	auth_failed bigint not null,
	sender_rejected bigint not null,
	content_rejected bigint not null,
	primary key (tenant_id, campaign_id, provider),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
);

create function campaign_cut(tenant integer, campaign bigint) returns bigint
language sql stable
return (select coalesce(sum(count), 0) from slices
	where tenant_id = tenant and campaign_id = campaign and kind = 0);

create function campaign_starts() returns trigger
language plpgsql as $$
begin
	new.reason := '';
	if old.state = 0 then
		if new.kind = 0 and new.filter is null then
			new.expected := (select count(*) from subscriptions x
				where x.tenant_id = new.tenant_id and x.list_id = any(new.list_ids) and x.state = 1);
		end if;
		return new;
	end if;
	new.resumed_at := now();
	new.cut_before := campaign_cut(new.tenant_id, new.id);
	delete from campaign_judged where tenant_id = new.tenant_id and campaign_id = new.id;
	insert into campaign_judged
	select new.tenant_id, new.id, n.provider, sum(n.attempted), sum(n.delivered), sum(n.hard),
		sum(n.settled), sum(n.complaints), sum(n.answered), sum(n.blocked), sum(n.auth_failed),
		sum(n.sender_rejected), sum(n.content_rejected)
	from campaign_counts(new.tenant_id, new.id) n
	group by n.provider;
	return new;
end $$;
create trigger campaign_starts before update of state on campaigns
	for each row when (old.state in (0, 2) and new.state = 1) execute function campaign_starts();

-- Whether a campaign that ran pauses (or, being too late, ends) by itself. Who finds it in another
-- state comes second, and changes nothing.
create function campaign_hold(tenant integer, campaign bigint, why text, for_good boolean) returns boolean
language plpgsql as $$
begin
	update campaigns set state = case when for_good then 3 else 2 end, reason = why,
		finished_at = case when for_good then now() else finished_at end
	where tenant_id = tenant and id = campaign and state = 1;
	return found;
end $$;

-- A window of "settings" at a moment: {"start", "end": times; "from", "until": of the day; "zone"}.
-- The wall clock of the zone counts, so on the days when it is moved a window may be an hour longer
-- or shorter; what of it lies in the hour that is left out moves behind it. From later than until: over
-- midnight. place: another zone than its own. changes_at: when it opens or closes next; NULL: never.
-- is_over: no moment in it is left.
create function window_at(spec jsonb, moment timestamptz, place text default null)
returns table (is_open boolean, changes_at timestamptz, ends_at timestamptz, is_over boolean)
language plpgsql stable as $$
declare
	zone text := coalesce(place, spec ->> 'zone', 'UTC');
	begins timestamptz := coalesce((spec ->> 'start')::timestamptz, '-infinity');
	ends timestamptz := coalesce((spec ->> 'end')::timestamptz, 'infinity');
	day_from time := coalesce((spec ->> 'from')::time, '00:00');
	day_until time := coalesce((spec ->> 'until')::time, '24:00');
	earliest timestamptz := greatest(moment, begins);
	local_day date := (earliest at time zone zone)::date;
	opens timestamptz := begins;
	closes timestamptz := ends;
begin
	if spec ->> 'from' is not null or spec ->> 'until' is not null then
		for i in -1 .. 3 loop
			opens := (local_day + i + day_from) at time zone zone;
			closes := (local_day + i + case when day_until <= day_from then 1 else 0 end + day_until)
				at time zone zone;
			exit when closes > opens and closes > earliest;
		end loop;
		opens := greatest(opens, begins);
		closes := least(closes, ends);
	end if;
	is_over := moment >= ends or opens >= ends;
	is_open := not is_over and opens <= moment and moment < closes;
	changes_at := nullif(nullif(case when is_over then null when is_open then closes else opens end,
		'infinity'), '-infinity');
	ends_at := nullif(ends, 'infinity');
	return next;
end $$;

-- For how long it is open yet, in microseconds: until its end (looked at for a year); where it has none
-- and opens every day, until it closes today. 0: there is no end to it, or it cannot be read.
create function window_left(spec jsonb, moment timestamptz) returns bigint
language plpgsql stable as $$
declare
	at timestamptz := moment;
	total interval := '0';
	w record;
begin
	for i in 1 .. 800 loop
		select * into w from window_at(spec, at);
		exit when w.is_over or w.changes_at is null;
		if w.is_open then
			total := total + (w.changes_at - at);
		end if;
		exit when w.is_open and w.ends_at is null;
		at := w.changes_at;
	end loop;
	return (extract(epoch from total) * 1000000)::bigint;
exception when data_exception then
	return 0;
end $$;

create function campaign_window_spec(tenant integer, campaign bigint) returns jsonb
language sql stable
return (select coalesce(nullif(t.settings -> 'window', 'null'), '{}') from campaigns c
	join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
	where c.tenant_id = tenant and c.id = campaign);

-- A campaign's own window: where each recipient's zone counts, the hours of the day are theirs. One
-- that cannot be read is closed, and says why.
create function campaign_window(tenant integer, campaign bigint, moment timestamptz default now())
returns table (is_open boolean, changes_at timestamptz, ends_at timestamptz, is_over boolean, fault text)
language plpgsql stable as $$
declare
	spec jsonb := coalesce(campaign_window_spec(tenant, campaign), '{}');
begin
	if spec ->> 'recipient_zone' is not null then
		spec := spec - 'from' - 'until';
	end if;
	return query select w.*, '' from window_at(spec, moment) w;
exception when data_exception then
	return query select false, null::timestamptz, null::timestamptz, false, sqlerrm;
end $$;

-- The hours of the day in the zones of recipients: open now, and when that changes. A name that is
-- no place's, or unknown, is the campaign's own zone: whoever imported it has not checked it.
create function campaign_zones(tenant integer, campaign bigint, zones text[],
	moment timestamptz default now())
returns table (number bigint, is_open boolean, changes_at timestamptz)
language plpgsql stable as $$
#variable_conflict use_column
declare
	spec jsonb := coalesce(campaign_window_spec(tenant, campaign), '{}') - 'start' - 'end';
	i integer;
	place text;
begin
	for i in 1 .. coalesce(array_length(zones, 1), 0) loop
		place := case when zones[i] ~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2}$|^(UTC|GMT)$' then zones[i] end;
		begin
			return query select i::bigint, w.is_open, w.changes_at from window_at(spec, moment, place) w;
		exception when data_exception then
			return query select i::bigint, w.is_open, w.changes_at from window_at(spec, moment) w;
		end;
	end loop;
exception when data_exception then
	return; -- of the campaign's own window, which says so
end $$;
