-- Who was suppressed when the slices were cut.
select id, suppressed_ids, suppressed_reasons
from slices
where tenant_id = $1::int and campaign_id = $2::bigint and kind = 0 and suppressed_count > 0
order by id
