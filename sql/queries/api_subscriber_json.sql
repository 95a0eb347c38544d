select jsonb_build_object('id', s.id, 'email', s.address, 'name', s.name, 'attributes', s.attributes,
	'created_at', s.created_at,
	'suppressed', (select name from reasons where number = s.suppressed),
	'lists', (select coalesce(jsonb_agg(jsonb_build_object('list', l.name,
			'state', (array['subscribed', 'unsubscribed', 'unconfirmed'])[p.state],
			'since', p.changed_at) order by l.name), '[]')
		from subscriptions p join lists l on l.tenant_id = p.tenant_id and l.id = p.list_id
		where p.tenant_id = s.tenant_id and p.subscriber_id = s.id),
	'messages', (select coalesce(jsonb_agg(to_jsonb(m) order by m.at), '[]') from (
		select c.name as campaign, o.at, o.verdict, o.final, o.class, o.code, o.status, o.text, o.attempt
		from slices x
		join campaigns c on c.tenant_id = x.tenant_id and c.id = x.campaign_id
		cross join lateral (
			select * from outcomes y
			where y.campaign_id = x.campaign_id and y.slice_id = x.id
				and y.subscriber_id = s.id offset 0) o
		where x.tenant_id = s.tenant_id and s.id between x.lo_id and x.hi_id
		order by o.at desc limit 100) m))
from subscribers s
where s.tenant_id = $1::int and s.id = $2::bigint
