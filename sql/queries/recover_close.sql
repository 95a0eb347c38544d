-- An earlier life's slice is closed, and its start marks have served.
with closed as (
	update slices set state = 2
	where tenant_id = $1::integer and campaign_id = $2::bigint and id = $3::bigint)
delete from start_marks
where tenant_id = $1 and campaign_id = $2 and slice_id = $3
