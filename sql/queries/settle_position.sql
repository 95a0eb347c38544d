-- Advances the journal position by compare-and-set; no row: fenced.
update engines set position = $5::bigint
where tenant_id = $1::integer and id = $2::integer and epoch = $3::integer
	and position = $4::bigint
