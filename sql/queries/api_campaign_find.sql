-- By name, or else by id. A name wins, so that a campaign called "7" can be reached.
select id, name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[state + 1], fully_cut,
	filter is not null
from campaigns
where tenant_id = $1::int and (name = $2::text
	or (id::text = $2::text and not exists (
		select from campaigns x where x.tenant_id = $1::int and x.name = $2::text)))
