-- Adds counts of TLS sessions. Of a day and a policy domain about 1,000 different failures and 100
-- different successes are kept; what comes beyond is counted under its result alone, so that no
-- domain can fill the table. Rows in the order of their key, so that two engines cannot lock each
-- other out.
with given as (
	select (g.at at time zone 'UTC')::date as day, g.policy_domain, g.policy_type, g.policy_text,
		g.result_type, g.sending_ip, g.receiving_mx, g.receiving_ip, g.failure_reason,
		sum(g.count)::bigint as count
	from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
		$8::text[], $9::text[], $10::text[], $11::bigint[])
		as g(at, policy_domain, policy_type, policy_text, result_type, sending_ip, receiving_mx,
			receiving_ip, failure_reason, count)
	group by 1, 2, 3, 4, 5, 6, 7, 8, 9
), kept as (
	select t.day, t.policy_domain, t.result_type = '' as is_success, count(*) as count
	from tls_result t
	where t.tenant_id = $1::integer
		and (t.day, t.policy_domain) in (select day, policy_domain from given)
	group by 1, 2, 3
), placed as (
	select g.*, t.tenant_id is not null
		or coalesce(k.count, 0) + row_number() over (
			partition by g.day, g.policy_domain, g.result_type = '', t.tenant_id is not null
			order by g.policy_type, g.policy_text, g.result_type, g.sending_ip, g.receiving_mx,
				g.receiving_ip, g.failure_reason)
			<= case when g.result_type = '' then 100 else 1000 end as has_room
	from given g
	left join tls_result t on t.tenant_id = $1::integer and t.day = g.day
		and t.policy_domain = g.policy_domain and t.policy_type = g.policy_type
		and t.policy_hash = text_hash(g.policy_text) and t.result_type = g.result_type
		and t.sending_ip = g.sending_ip and t.receiving_mx = g.receiving_mx
		and t.receiving_ip = g.receiving_ip and t.failure_reason = g.failure_reason
	left join kept k on k.day = g.day and k.policy_domain = g.policy_domain
		and k.is_success = (g.result_type = '')
)
insert into tls_result as r (tenant_id, day, policy_domain, policy_type, policy_text, result_type,
	sending_ip, receiving_mx, receiving_ip, failure_reason, count)
select $1::integer, day, policy_domain, policy_type,
	case when has_room then policy_text else '' end,
	result_type,
	case when has_room then sending_ip else '' end,
	case when has_room then receiving_mx else '' end,
	case when has_room then receiving_ip else '' end,
	case when has_room then failure_reason else '' end,
	sum(count)
from placed
group by 2, 3, 4, 5, 6, 7, 8, 9, 10
order by 2, 3, 4, 5, 6, 7, 8, 9, 10
on conflict (tenant_id, day, policy_domain, policy_type, policy_hash, result_type, sending_ip,
	receiving_mx, receiving_ip, failure_reason)
do update set count = r.count + excluded.count
