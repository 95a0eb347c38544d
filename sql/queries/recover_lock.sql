-- What an engine held in its earlier lives, locked before it is read: somebody may be taking one of
-- these slices over right now.
select s.id from slices s
where s.tenant_id = $1::integer and s.lease_engine_id = $2::integer and s.lease_epoch < $3::integer
	and s.state in (1, 4, 6)
order by s.campaign_id, s.id
for update
