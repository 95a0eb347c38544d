-- What an engine held in its earlier lives. No row at all: it is fenced.
with me as (
	select id from engines
	where tenant_id = $1::integer and id = $2::integer and epoch = $3::integer for share)
select s.id, s.campaign_id, s.count, s.ids, c.in_doubt_policy, s.state, s.lease_engine_id
from me
left join slices s on s.tenant_id = $1 and s.lease_engine_id = $2 and s.state in (1, 4, 6)
	and s.lease_epoch < $3
left join campaigns c on c.tenant_id = $1 and c.id = s.campaign_id
order by s.campaign_id, s.id
