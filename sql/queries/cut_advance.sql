-- Moves the cut mark.
update campaigns set cut_mark = $3::bigint, fully_cut = $4::boolean
where tenant_id = $1::integer and id = $2::bigint
