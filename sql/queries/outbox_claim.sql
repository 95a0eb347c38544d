-- Transactional mail that is due, claimed (sql/0026_outbox_claim.sql).
select slice, campaign, coded, count, id, address, key, look_at, unknown
from outbox_claim($1::integer, $2::integer, $3::integer, $4::bigint, $5::bigint, $6::bigint[],
	$7::bigint, $8::bigint)
