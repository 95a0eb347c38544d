-- What engines must know of providers when they start: how often each usually says that a mailbox
-- does not exist (in millionths), and which are stopped.
select coalesce(u.provider, i.provider), coalesce((u.rate * 1000000)::integer, 0),
	coalesce(u.answers, 0), i.id is not null
from provider_usual($1::integer) u
full join (select id, provider from incidents where tenant_id = $1::integer and state = 0) i
	on i.provider = u.provider
order by 4 desc, 3 desc
limit 256
