-- What a path could not start becomes a slice of its own.
insert into slices (tenant_id, campaign_id, kind, count, parent_id, lo_id, hi_id, due_at, ids)
values ($1::integer, $2::bigint, 2, $4::integer, $3::bigint, $5::bigint, $6::bigint,
	coalesce($7::timestamptz, now()), $8::bytea)
