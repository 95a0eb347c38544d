-- A cancelled campaign nobody works on any more, with its slices that were never leased. It is locked
-- already (cancel_lock).
select s.id, s.count, s.ids
from campaigns c
left join slices s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.state in (0, 5)
where c.tenant_id = $1::integer and c.id = $2::bigint and c.state = 3
	and not exists (select from slices h
		where h.tenant_id = $1 and h.campaign_id = $2 and h.state in (1, 4))
