-- The retry slice of what was claimed.
insert into slices (tenant_id, campaign_id, id, kind, count, lo_id, hi_id, ids)
values ($1::integer, $2::bigint, $3::bigint, 1, $4::integer, $5::bigint, $6::bigint, $7::bytea)
