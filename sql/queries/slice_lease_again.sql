-- The lease whose commit was not answered, if it was made.
select s.id, s.campaign_id, s.kind, s.count, s.ids, c.winner
from slices s
join campaigns c on c.tenant_id = s.tenant_id and c.id = s.campaign_id
where s.tenant_id = $1::integer and s.lease_engine_id = $2::integer
	and s.lease_epoch = $3::integer and s.state = 1 and s.lease_token = $4::bigint
