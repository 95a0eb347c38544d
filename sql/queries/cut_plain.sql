-- The next ids of a single list without a filter, straight off its index; suppressed ones and
-- those on an excluded list are looked up in the range that came out, bounded on both sides.
with x as materialized (
	select subscriber_id as id from subscriptions
	where tenant_id = $1::integer and list_id = ($4::bigint[])[1] and state = 1
		and subscriber_id > $2::bigint and subscriber_id <= $3::bigint
	order by subscriber_id limit $6::bigint),
edges as materialized (select min(id) as lo, max(id) as hi from x)
select x.id, coalesce(s.suppressed, 0::smallint), e.id is not null as excluded
from x
left join (
	select id, suppressed from subscribers
	where tenant_id = $1 and suppressed <> 0
		and id between (select lo from edges) and (select hi from edges)) s on s.id = x.id
left join (
	select distinct subscriber_id as id from subscriptions
	where tenant_id = $1 and list_id = any($5::bigint[]) and state = 1
		and subscriber_id between (select lo from edges) and (select hi from edges)) e
	on e.id = x.id
order by x.id
