-- Stops behind a number.
select number, kind, coalesce(campaign_id, 0), coalesce(subscriber_id, 0), reason, provider, target
from stops where tenant_id = $1::integer and number > $2::bigint
order by number limit 10000
