-- Where the mail of a domain goes.
select site, provider, mx_hosts, (extract(epoch from seen_at) * 1000000)::bigint
from domain_sites where tenant_id = $1::int and domain = $2::text
