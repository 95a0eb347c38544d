-- The same for what holds for a list or a sender only: it did not find the new subscribers.
update suppressions_scoped x set subscriber_id = s.id
from subscribers s
where x.tenant_id = $1::integer and x.at > now() - $2::bigint * interval '1 second'
	and x.address_hash <> '' and x.subscriber_id is null
	and s.tenant_id = $1 and s.address_key = x.address
