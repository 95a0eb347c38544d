-- What was not accounted for becomes a slice that is due at once.
insert into slices (tenant_id, campaign_id, kind, count, parent_id, lo_id, hi_id, ids)
values ($1::integer, $2::bigint, 2, $4::integer, $3::bigint, $5::bigint, $6::bigint, $7::bytea)
