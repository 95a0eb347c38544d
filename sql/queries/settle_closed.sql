-- Slices all of whose recipients are settled; their start marks have served.
with closed as (
	update slices s set state = 2
	where s.tenant_id = $1::integer and s.lease_engine_id = $2::integer and s.state in (1, 4, 6)
		and s.id = any($3::bigint[])
	returning s.campaign_id, s.id)
delete from start_marks m using closed c
where m.tenant_id = $1 and m.campaign_id = c.campaign_id and m.slice_id = c.id
