select l.name, count(s.subscriber_id) filter (where s.state = 1)
from lists l
left join subscriptions s on s.tenant_id = l.tenant_id and s.list_id = l.id
where l.tenant_id = $1::int
group by l.name order by l.name
