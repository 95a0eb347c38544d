-- What an engine must know before it starts anything. kind 100: it is still itself (no such row:
-- it is fenced); 101: a slice that was taken from it; else a stop behind the number it knows.
(select 0::bigint as number, 100 as kind, 0::bigint as campaign_id, 0::bigint as subscriber_id,
	0 as reason, '' as provider, '' as target
from engines where tenant_id = $1::integer and id = $3::integer and epoch = $4::integer)
union all
(select id, 101, 0, 0, 0, '', ''
from slices where tenant_id = $1 and lease_engine_id = $3 and lease_epoch = $4 and state in (4, 6))
union all
(select number, kind, coalesce(campaign_id, 0), coalesce(subscriber_id, 0), reason, provider, target
from stops where tenant_id = $1 and number > $2::bigint
order by number limit 10000)
