-- What a report on a day tells a policy domain: policy by policy, the one whose text is not known
-- behind those of its type.
select policy_type, policy_text, result_type, sending_ip, receiving_mx, receiving_ip,
	failure_reason, count
from tls_result
where tenant_id = $1::int and day = $2::date and policy_domain = $3::text
order by policy_type, policy_text = '', policy_hash, result_type, count desc, sending_ip,
	receiving_mx, receiving_ip, failure_reason
