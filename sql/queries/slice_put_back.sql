-- What a path could not start becomes a slice of its own; no row: the lease is lost.
insert into slices (tenant_id, campaign_id, kind, count, parent_id, lo_id, hi_id, due_at, ids)
select s.tenant_id, s.campaign_id, 2, $6::integer, s.id, $7::bigint, $8::bigint,
	coalesce($9::timestamptz, now()), $10::bytea
from slices s
where s.tenant_id = $1::integer and s.lease_engine_id = $2::integer
	and s.lease_epoch = $3::integer and s.campaign_id = $4::bigint and s.id = $5::bigint
	and s.state = 1
for share of s
