-- Marks recipients as started: all of it, or nothing when the engine is fenced or one of the
-- slices is not its own any more. The locks hold a take-over off until the commit, and a newer life of
-- the engine; they do not wait for what it settles meanwhile, which moves its position.
with marked as (
	select * from unnest($4::bigint[], $5::bigint[], $6::bytea[]) as m(campaign_id, slice_id, ids)),
me as (
	select id from engines
	where tenant_id = $1::integer and id = $2::integer and epoch = $3::integer for key share),
held as (
	select s.id from slices s
	where s.tenant_id = $1 and s.lease_engine_id = $2 and s.lease_epoch = $3 and s.state = 1
		and s.id = any($5::bigint[])
	for share)
insert into start_marks (tenant_id, campaign_id, slice_id, engine_id, epoch, ids)
select $1, m.campaign_id, m.slice_id, $2, $3, m.ids
from marked m
where exists (select from me) and not exists (
	select from marked x where x.slice_id not in (select id from held))
