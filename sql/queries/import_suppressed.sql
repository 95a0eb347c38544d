-- A suppression that was written while the merge ran did not see the new subscribers.
update subscribers s set suppressed = x.reason
from suppressions x
where x.tenant_id = $1::integer and x.at > now() - $2::bigint * interval '1 second'
	and x.scope = 0 and s.tenant_id = $1 and s.address_key = x.address and s.suppressed = 0
