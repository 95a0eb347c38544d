-- How far the journal of an engine is settled, and how long it has been silent.
select position, epoch, extract(epoch from now() - heartbeat_at)::bigint
from engines where tenant_id = $1::int and name = $2::text
