-- A slice of which an engine's journal tells what became of it, and which the database does not know as
-- that engine's: it has lost commits, or the engine has another name now. Campaigns that are gone are
-- nobody's loss.
select w.slice_id, coalesce(e.name, '')
from unnest($3::bigint[], $4::bigint[]) as w(campaign_id, slice_id)
join campaigns c on c.tenant_id = $1::integer and c.id = w.campaign_id
left join slices s on s.tenant_id = $1 and s.campaign_id = w.campaign_id and s.id = w.slice_id
left join engines e on e.tenant_id = $1 and e.id = s.lease_engine_id
where s.lease_engine_id is distinct from $2::integer
limit 1
