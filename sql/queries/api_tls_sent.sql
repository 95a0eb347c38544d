-- Who has taken a day's report on a domain already.
select sent_to from tls_report_sent
where tenant_id = $1::int and day = $2::date and policy_domain = $3::text
