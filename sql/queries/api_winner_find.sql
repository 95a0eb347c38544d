-- What is known of a campaign's variants before a winner is named: their names, the share that waits
-- (of 10,000), the winner that was named already, the state.
select coalesce(v ->> 'name', ''), 10000 - c.hold_out - (select sum(share) from unnest(c.split) share),
	c.winner, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	c.expires_at <= now()
from campaigns c
join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
cross join lateral jsonb_array_elements(t.settings -> 'variants') with ordinality as x(v, place)
where c.tenant_id = $1::int and c.id = $2::bigint and c.split <> '{}'
order by place
