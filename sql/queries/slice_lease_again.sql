-- The lease whose commit was not answered, if it was made. One of another campaign than is asked for
-- now goes back: nobody was told of it, so nobody has started anything.
with others as (
	update slices set state = 0
	where tenant_id = $1::integer and lease_engine_id = $2::integer and lease_epoch = $3::integer
		and state = 1 and lease_token = $4::bigint
		and $5::bigint <> 0 and campaign_id <> $5)
select s.id, s.campaign_id, s.kind, s.count, s.ids, c.winner, false
from slices s
join campaigns c on c.tenant_id = s.tenant_id and c.id = s.campaign_id
where s.tenant_id = $1 and s.lease_engine_id = $2 and s.lease_epoch = $3
	and s.state = 1 and s.lease_token = $4 and ($5 = 0 or s.campaign_id = $5)
