-- Who asks, locked so that no newer life of it can begin before the commit (no row: it is fenced),
-- but not so that it waits for what the engine settles meanwhile, which moves its position;
-- the slice of the claim whose commit was not answered, if it was made; and rows whose time is
-- over get their verdict.
select s.id, s.campaign_id, s.count, s.ids, outbox_expire($1::integer, 1000)
from engines e
left join slices s on $4::bigint > 0 and s.tenant_id = $1 and s.lease_engine_id = e.id
	and s.lease_epoch = e.epoch and s.state = 1 and s.lease_token = $4
where e.tenant_id = $1 and e.id = $2::integer and e.epoch = $3::integer
for key share of e
