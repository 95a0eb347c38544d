-- A campaign's variants in their order, then the rest (0), then who is held out (-1): whom each has,
-- and what came of them. left: how many have left a list of the campaign since its launch.
with c as materialized (select * from campaigns where tenant_id = $1::int and id = $2::bigint
		and split <> '{}'),
v as (
	select x.place::int as variant, x.v ->> 'name' as name, c.split[x.place] as share
	from c
	join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
	cross join lateral jsonb_array_elements(t.settings -> 'variants') with ordinality as x(v, place)
	union all
	select 0, coalesce((select v.v ->> 'name' from templates t
			cross join lateral (select t.settings -> 'variants' -> (c.winner - 1) as v) v
			where t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
				and c.winner > 0), ''),
		10000 - c.hold_out - (select sum(share) from unnest(c.split) share)::int
	from c
	union all
	select -1, '', hold_out from c),
t as (
	select variant, sum(count) filter (where verdict = 0) as chosen,
		sum(count) filter (where verdict = 1 and final) as delivered,
		sum(count) filter (where verdict = 3 and final) as failed,
		sum(count) filter (where verdict = 4 and final) as in_doubt,
		sum(count) filter (where verdict = 5 and final) as suppressed,
		sum(count) filter (where verdict = 6 and final) as cancelled,
		sum(count) filter (where verdict = 2) as deferrals
	from variant_tallies where tenant_id = $1::int and campaign_id = $2::bigint
	group by variant
	union all
	select -1, sum(count), 0, 0, 0, 0, 0, 0 from tallies
	where tenant_id = $1::int and campaign_id = $2::bigint and verdict = 5 and class = 105),
l as (
	select variant_of(c.split, c.hold_out, c.id, x.subscriber_id) as variant,
		count(distinct x.subscriber_id) as count
	from c
	cross join lateral (select subscriber_id from subscriptions
		where tenant_id = c.tenant_id and state = 2 and changed_at > c.launched_at
			and list_id = any (c.list_ids) and subscriber_id <= c.highest_id offset 0) x
	group by 1),
k as (
	select variant_of(c.split, c.hold_out, c.id, s.id) as variant, count(*) as count
	from c
	join suppressions x on x.tenant_id = c.tenant_id and x.campaign_id = c.id and x.reason = 21
	join subscribers s on s.tenant_id = x.tenant_id and s.address_key = x.address
	group by 1)
select v.variant, v.name, v.share, coalesce(t.chosen, 0), coalesce(t.delivered, 0), coalesce(t.failed, 0),
	coalesce(t.in_doubt, 0), coalesce(t.suppressed, 0), coalesce(t.cancelled, 0),
	coalesce(t.deferrals, 0), coalesce(l.count, 0), coalesce(k.count, 0)
from v
left join t on t.variant = v.variant
left join l on l.variant = v.variant
left join k on k.variant = v.variant
where v.share > 0
order by v.variant = -1, v.variant = 0, v.variant
