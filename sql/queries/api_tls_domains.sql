-- The policy domains of a day and their sessions, by how many.
select policy_domain, coalesce(sum(count) filter (where result_type = ''), 0)::bigint,
	coalesce(sum(count) filter (where result_type <> ''), 0)::bigint
from tls_result
where tenant_id = $1::int and day = $2::date and ($3::text = '' or policy_domain = $3)
group by policy_domain
order by sum(count) desc, policy_domain
