-- From the list named, or from all.
update subscriptions s set state = 2, changed_at = now()
from lists l
where s.tenant_id = $1::int and s.subscriber_id = $2::bigint and s.state <> 2
	and l.tenant_id = s.tenant_id and l.id = s.list_id and ($3::text = '' or l.name = $3::text)
returning l.name
