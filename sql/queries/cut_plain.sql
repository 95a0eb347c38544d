-- The next ids of a single list without a filter, straight off its index, all in one value; and in
-- others those of them that are suppressed, why, and those on an excluded list, which are looked up in
-- the range that came out, bounded on both sides. A row for each id would cost three times as much.
with x as materialized (
	select array_agg(id) as ids from (
		select subscriber_id as id from subscriptions
		where tenant_id = $1::integer and list_id = ($4::bigint[])[1] and state = 1
			and subscriber_id > $2::bigint and subscriber_id <= $3::bigint
		order by subscriber_id limit $6::bigint) y),
edges as materialized (select ids[1] as lo, ids[cardinality(ids)] as hi from x),
stopped as materialized (
	select id, suppressed from subscribers
	where tenant_id = $1 and suppressed <> 0
		and id between (select lo from edges) and (select hi from edges)
	order by id)
select (select ids from x), (select array_agg(id) from stopped),
	(select array_agg(suppressed::bigint) from stopped),
	(select array_agg(id) from (
		select distinct subscriber_id as id from subscriptions
		where tenant_id = $1 and list_id = any($5::bigint[]) and state = 1
			and subscriber_id between (select lo from edges) and (select hi from edges)
		order by 1) e)
