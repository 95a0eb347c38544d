-- $2 reason, $3 list, $4 sender: empty for all; $5 only domains; $6 only addresses that are
-- suppressed everywhere.
select x.address, r.name, to_char(x.at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), encode(x.address_hash, 'hex'),
	x.domain, coalesce(l.name, nullif('#' || x.list_id, '#0')), nullif(x.sender, ''),
	to_char(x.expires_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), nullif(x.code, 0), status_text(x.status),
	x.provider, x.source, c.name, x.cause, x.text
from (
	select tenant_id, coalesce(address, '') as address, address_hash, '' as domain, 0 as list_id,
		'' as sender, reason, at, expires_at, code, status, provider, source, campaign_id, cause, text
	from suppressions where tenant_id = $1::int and not $5::boolean
	union all
	select tenant_id, coalesce(address, ''), address_hash, domain, list_id, sender, reason, at,
		expires_at, code, status, provider, source, campaign_id, cause, text
	from suppressions_scoped
	where tenant_id = $1::int and not $6::boolean and (domain <> '' or not $5::boolean)) x
join reasons r on r.number = x.reason
left join lists l on l.tenant_id = x.tenant_id and l.id = x.list_id
left join campaigns c on c.tenant_id = x.tenant_id and c.id = x.campaign_id
where ($2::text = '' or r.name = $2::text) and ($3::text = '' or l.name = $3::text)
	and ($4::text = '' or x.sender = $4::text) and (x.expires_at is null or x.expires_at > now())
order by x.at, x.address, x.domain
