-- Notes that somebody has taken a report; what is older than the results is not needed any more.
with old as (
	delete from tls_report_sent
	where tenant_id = $1::int and day < (now() at time zone 'UTC')::date - 60
)
insert into tls_report_sent (tenant_id, day, policy_domain, sent_to)
values ($1::int, $2::date, $3::text, $4::text)
on conflict do nothing
