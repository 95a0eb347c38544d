-- A slice that an engine works on, locked: its state. Also one that was taken from it (4, 6), whose
-- rest it may still put back. No row: it is not its own. The lock comes first and alone: what
-- somebody took meanwhile is seen by the statement that follows.
select s.state from slices s
where s.tenant_id = $1::integer and s.lease_engine_id = $2::integer
	and s.lease_epoch = $3::integer and s.campaign_id = $4::bigint and s.id = $5::bigint
	and s.state in (1, 4, 6)
for no key update
