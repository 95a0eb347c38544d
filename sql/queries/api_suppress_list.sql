select coalesce(s.address, ''), r.name, to_char(s.at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	encode(s.address_hash, 'hex')
from suppressions s join reasons r on r.number = s.reason
where s.tenant_id = $1::int and ($2::text = '' or r.name = $2::text)
order by s.at, s.address
