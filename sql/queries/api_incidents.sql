-- The open ones first, then the newest.
select i.id, i.provider, (array['open', 'false-alarm', 'confirmed'])[i.state + 1],
	to_char(i.window_from, 'YYYY-MM-DD HH24:MI'), to_char(i.detected_at, 'YYYY-MM-DD HH24:MI'),
	to_char(i.reviewed_at, 'YYYY-MM-DD HH24:MI'), round((100 * i.rate)::numeric, 2),
	round((100 * i.usual)::numeric, 2), i.bad, i.counted,
	(select count(*) from suppressions_held h where h.tenant_id = i.tenant_id and h.incident_id = i.id)
from incidents i
where i.tenant_id = $1::int
order by i.state <> 0, i.id desc
