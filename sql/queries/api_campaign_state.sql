-- Moves a campaign from one of the states named to another; returns nothing when it was in none.
update campaigns set state = $3::smallint,
	finished_at = case when $3::smallint = 3 then now() else finished_at end
where tenant_id = $1::int and id = $2::bigint and state = any ($4::smallint[])
returning id
