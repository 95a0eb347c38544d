-- A slice of an earlier life, or of an engine that is gone ($4: buried, its owner is to learn it),
-- is closed, and its start marks have served.
with closed as (
	update slices set state = case when $4::boolean then 6 else 2 end
	where tenant_id = $1::integer and campaign_id = $2::bigint and id = $3::bigint)
delete from start_marks
where tenant_id = $1 and campaign_id = $2 and slice_id = $3
