-- Renews what an engine holds, and takes the sources it asks for where nobody holds them. No row at
-- all: it is fenced. kind 0: it is not; 1: a source, by its place, whether it is its own and else
-- whose; 2: a slice that was taken from it. One that was silent, or given up by a person, and is back
-- has no date at which policy decides any more: should it fall silent again, there will be a new one.
with was as (
	select id, engine_is_silent(heartbeat_at, lease, left_at) as silent from engines
	where tenant_id = $1::integer and id = $2::integer and epoch = $3::integer for no key update),
me as (
	update engines e set heartbeat_at = now(), lease = $5::bigint * interval '1 microsecond',
		left_at = null
	from was where e.tenant_id = $1 and e.id = was.id
	returning e.id, e.lease),
undated as (
	update slices s set decide_at = null from was
	where was.silent and s.tenant_id = $1 and s.lease_engine_id = was.id and s.state in (1, 4)
		and s.decide_at is not null),
wanted as (
	select w.name, w.place from unnest($4::text[]) with ordinality as w(name, place)),
dropped as (
	delete from sources s using me
	where s.tenant_id = $1 and s.engine_id = me.id and s.name <> all($4)),
held as (
	insert into sources as s (tenant_id, name, engine_id, epoch, until_at)
	select $1, w.name, me.id, $3, now() + me.lease
	from (select distinct name from wanted) w cross join me order by w.name collate "C"
	on conflict (tenant_id, name) do update set engine_id = excluded.engine_id,
		epoch = excluded.epoch, until_at = excluded.until_at
	where s.engine_id = excluded.engine_id or s.until_at < now()
	returning s.name)
select 0 as kind, 0::bigint as number, true as mine, null::text as holder
from me
union all
select 1, w.place, h.name is not null, case when h.name is null then e.name end
from me
cross join wanted w
left join held h on h.name = w.name
left join sources s on s.tenant_id = $1 and s.name = w.name
left join engines e on e.tenant_id = $1 and e.id = s.engine_id
union all
select 2, x.id, false, null
from me
join slices x on x.tenant_id = $1 and x.lease_engine_id = $2 and x.lease_epoch = $3
	and x.state in (4, 6)
