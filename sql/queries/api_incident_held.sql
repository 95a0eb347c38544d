-- Who failed while it lasted, by a word that was held.
select coalesce(h.address, ''), c.name, to_char(h.seen_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), r.name,
	nullif(h.code, 0), status_text(h.status), h.source, h.taken_back, h.text
from suppressions_held h
join reasons r on r.number = h.reason
left join campaigns c on c.tenant_id = h.tenant_id and c.id = h.campaign_id
where h.tenant_id = $1::int and h.incident_id = $2::bigint
order by h.seen_at, h.address
