-- The engines of the database, what each holds and does now; or one of them, by its name. Those that
-- ended long ago and hold nothing are left out, unless they are asked for.
select e.id, e.name,
	case when e.left_at > e.heartbeat_at + e.lease then 'forgotten'
		when e.left_at is not null then 'left'
		when engine_is_silent(e.heartbeat_at, e.lease, e.left_at) then 'gone'
		when o.names is null then 'standby' else 'working' end,
	e.epoch, (extract(epoch from e.joined_at) * 1000000)::bigint,
	extract(epoch from now() - e.heartbeat_at)::bigint,
	(extract(epoch from e.heartbeat_at) * 1000000)::bigint,
	(extract(epoch from e.left_at) * 1000000)::bigint,
	o.names, coalesce(s.leased, 0), coalesce(s.orphaned, 0),
	(extract(epoch from s.decide_at) * 1000000)::bigint,
	e.position, coalesce(p.started, 0), coalesce(p.in_flight, 0), p.why
from engines e
left join lateral (
	select string_agg(name, ', ' order by name) as names from sources
	where tenant_id = $1::int and engine_id = e.id and until_at > now()) o on true
left join lateral (
	select count(*) filter (where state = 1) as leased, count(*) filter (where state = 4) as orphaned,
		min(decide_at) filter (where state = 4) as decide_at
	from slices
	where tenant_id = $1::int and lease_engine_id = e.id and state in (1, 4)) s on true
left join lateral (
	select sum(started_minute) filter (where updated_at > now() - interval '1 minute') as started,
		sum(in_flight_count) as in_flight,
		(array_agg(why order by waiting_count desc) filter (where waiting_count > 0 and why <> ''))[1] as why
	from path_states
	where tenant_id = $1::int and engine_id = e.id and epoch = e.epoch
		and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)) p on true
where e.tenant_id = $1::int and ($2::text = '' or e.name = $2)
	and ($2 <> '' or s.leased + s.orphaned > 0 or e.heartbeat_at > now() - interval '7 days')
order by engine_is_silent(e.heartbeat_at, e.lease, e.left_at), e.name
limit 500
