-- An engine ends in order: its sources are free, and its slices are anybody's to take over. No row:
-- it is fenced.
with me as (
	update engines set left_at = coalesce(left_at, now())
	where tenant_id = $1::integer and id = $2::integer and epoch = $3::integer
	returning id),
freed as (
	delete from sources s using me where s.tenant_id = $1 and s.engine_id = me.id)
select id from me
