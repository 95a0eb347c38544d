-- Who of a slice was marked as started (kind 2), and who of it is accounted for: 0 by an outcome,
-- 1 in a remainder that was put back.
select 0 as kind, d.subscriber_id, null::bytea as ids
from deliveries d where d.tenant_id = $1::integer and d.campaign_id = $2::bigint
	and d.slice_id = $3::bigint
union all
select 1, 0, s.ids
from slices s where s.tenant_id = $1 and s.campaign_id = $2 and s.parent_id = $3
union all
select 2, 0, m.ids
from start_marks m where m.tenant_id = $1 and m.campaign_id = $2 and m.slice_id = $3
