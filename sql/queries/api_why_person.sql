-- A person by address key, with lists and suppression; one row, also for an address that is no
-- subscriber's.
select s.id, r.name,
	(select string_agg(l.name || ' (' || (array['subscribed', 'unsubscribed', 'unconfirmed'])[p.state]
			|| ')', ', ' order by l.name)
		from lists l
		join subscriptions p on p.tenant_id = l.tenant_id and p.list_id = l.id
			and p.subscriber_id = s.id
		where l.tenant_id = $1::int),
	x.reason, (extract(epoch from x.at) * 1000000)::bigint, x.campaign,
	(select count(*) from engines where tenant_id = $1::int
		and not engine_is_silent(heartbeat_at, lease, left_at))
from (values (1)) one
left join subscribers s on s.tenant_id = $1::int and s.address_key = $2::text
left join reasons r on r.number = nullif(s.suppressed, 0)
left join lateral (
	select n.name as reason, u.at, c.name as campaign from suppressions u
	join reasons n on n.number = u.reason
	left join campaigns c on c.tenant_id = $1::int and c.id = u.campaign_id
	where u.tenant_id = $1::int and u.address_hash = address_hash($2::text)
	order by u.scope limit 1) x on true
