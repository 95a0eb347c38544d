-- What a launch on millions and tables full of other work must not wait for.

-- Whom the lists hold at launch is known (0017): counting five million takes seconds. As before,
-- somebody on two of the lists counts twice; a list that was never counted counts as nobody, and the
-- audience is then told as it is cut.
create or replace function campaign_starts() returns trigger
language plpgsql as $$
begin
	new.reason := '';
	if old.state = 0 then
		if new.kind = 0 and new.filter is null then
			new.expected := greatest(0,
				(select coalesce(sum(a.count), 0) from attribute_counts a
				where a.tenant_id = new.tenant_id and a.list_id = any(new.list_ids) and a.attribute = '')
				+ (select coalesce(sum(g.change), 0) from attribute_changes g
				where g.tenant_id = new.tenant_id and g.list_id = any(new.list_ids)
					and g.attribute = ''));
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

-- Stops are forgotten by their age, whenever an engine joins. They come in that order, or nearly:
-- summaries of blocks find the old ones, and a stop that is written costs no index entry.
create index stops_at on stops using brin (tenant_id, at) with (autosummarize = on);

-- Slices that wait for a winner: few, and no lease looks at them.
create index slices_for_winner on slices (tenant_id, campaign_id) where state = 5;
