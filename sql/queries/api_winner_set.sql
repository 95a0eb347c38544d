-- Names the winner of a campaign's variants, once; no row: it was named before, or nothing runs. The
-- row is locked until the slices are moved, and so is a cut that is under way.
update campaigns set winner = $3::smallint
where tenant_id = $1::int and id = $2::bigint and winner = 0 and state in (1, 2)
	and (expires_at is null or expires_at > now())
returning id
