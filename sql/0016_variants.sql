-- Forms of a letter (A/B), who gets none of them (hold-out), and the winner that the rest gets.

-- split: shares of the variants of "settings", in their order, in 1/10000; '{}': the letter has one
-- form. What they and hold_out leave is the rest: its slices (state 5) wait until winner is named
-- (1: the first variant; 0: not yet). None of the two changes once the campaign is launched.
alter table campaigns
	add column split integer[] not null default '{}',
	add column hold_out integer not null default 0,
	add column winner smallint not null default 0;

-- Who is held out stands in its slice among those who are not written to.
insert into reasons (number, name) values (105, 'held-out');

-- Counts of a campaign's outcomes a variant (0: the rest), kept as tallies are, by the same
-- transactions. verdict 0: who was chosen for it.
create table variant_tallies (
	tenant_id integer not null,
	campaign_id bigint not null,
	engine_id integer not null,
	variant smallint not null,
	verdict smallint not null,
	final boolean not null,
	count bigint not null,
	primary key (tenant_id, campaign_id, engine_id, variant, verdict, final),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
) with (fillfactor = 30);

-- The split of templates/variant.c, number for number: a test compares. One function in plpgsql: SQL
-- ones within each other take fifty times as long.
create function variant_bucket(campaign bigint, subscriber bigint) returns integer
language plpgsql immutable strict parallel safe as $$
declare
	hash bigint := 1383427684;
	word bigint;
begin
	foreach word in array array[campaign & 4294967295, campaign >> 32, subscriber >> 32,
		subscriber & 4294967295]
	loop
		hash := hash # word;
		hash := ((hash # (hash >> 16)) * 73244475) & 4294967295;
		hash := ((hash # (hash >> 16)) * 73244475) & 4294967295;
		hash := hash # (hash >> 16);
	end loop;
	return (hash * 10000) >> 32;
end $$;

-- The variant, 0 for the rest, -1 for who is held out; of a letter with one form 1.
create function variant_of(split integer[], hold_out integer, campaign bigint, subscriber bigint)
returns smallint
language plpgsql immutable strict parallel safe as $$
declare
	bucket integer := variant_bucket(campaign, subscriber);
	share_end integer := 0;
begin
	if split = '{}' then
		return 1;
	end if;
	for i in 1 .. array_length(split, 1) loop
		share_end := share_end + split[i];
		if bucket < share_end then
			return i;
		end if;
	end loop;
	return case when bucket >= 10000 - hold_out then -1 else 0 end;
end $$;

-- Adds to the counts of a campaign that has variants what became of these subscribers; says of how
-- many kinds they were.
create function variants_count(tenant integer, campaign bigint, engine integer, outcome integer,
	is_final boolean, ids bigint[]) returns bigint
language sql as $$
	with counted as (
		insert into variant_tallies as t (tenant_id, campaign_id, engine_id, variant, verdict, final,
			count)
		select tenant, campaign, engine, variant_of(c.split, c.hold_out, c.id, w.id), outcome,
			is_final, count(*)
		from campaigns c cross join unnest(ids) w(id)
		where c.tenant_id = tenant and c.id = campaign and c.split <> '{}'
		group by 4
		on conflict (tenant_id, campaign_id, engine_id, variant, verdict, final)
		do update set count = t.count + excluded.count
		returning 1)
	select count(*) from counted
$$;

-- Who waits for the winner is not in the sample that goes first.
create or replace function campaign_cut(tenant integer, campaign bigint) returns bigint
language sql stable
return (select coalesce(sum(count), 0) from slices
	where tenant_id = tenant and campaign_id = campaign and kind = 0 and state <> 5);

-- Who has left since a moment is found without a look at everybody who ever left.
create index subscriptions_left_at on subscriptions (tenant_id, changed_at) where state = 2;
