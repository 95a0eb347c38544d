-- Its owner may start nothing of it any more; whom it had marked waits for its journal, so long from
-- when it was last heard of.
update slices s set state = 4,
	decide_at = coalesce(s.decide_at, e.heartbeat_at + $4::bigint * interval '1 microsecond')
from engines e
where s.tenant_id = $1::integer and s.campaign_id = $2::bigint and s.id = $3::bigint
	and e.tenant_id = s.tenant_id and e.id = s.lease_engine_id
