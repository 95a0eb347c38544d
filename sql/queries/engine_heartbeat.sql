-- Renews what an engine holds; no row: it is fenced. Tells which slices were taken from it.
with me as (
	update engines set heartbeat_at = now()
	where tenant_id = $1::integer and id = $2::integer and epoch = $3::integer
	returning id)
select lost.id
from me
left join slices lost on lost.tenant_id = $1 and lost.lease_engine_id = $2
	and lost.lease_epoch = $3 and lost.state = 4
