-- A leased slice, locked, with the ids that were put back from it before; no row: the lease is
-- lost. A put-back whose commit was not answered finds its ids here.
with held as (
	select s.campaign_id, s.id from slices s
	where s.tenant_id = $1::integer and s.lease_engine_id = $2::integer
		and s.lease_epoch = $3::integer and s.campaign_id = $4::bigint and s.id = $5::bigint
		and s.state = 1
	for no key update of s)
select c.ids
from held
left join slices c on c.tenant_id = $1 and c.campaign_id = held.campaign_id
	and c.parent_id = held.id
