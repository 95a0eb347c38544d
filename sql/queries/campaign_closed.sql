-- A cancelled campaign has ended.
update campaigns set finished_at = now() where tenant_id = $1::integer and id = $2::bigint
