-- The five campaigns launched last, and how they stand to one person.
select c.id, c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	case when c.fully_cut then 'true' else 'false' end,
	case when c.cut_mark >= $2::bigint then 'true' else 'false' end,
	case when exists (select from subscriptions p where p.tenant_id = $1::int
		and p.list_id = any (c.list_ids) and p.subscriber_id = $2::bigint and p.state = 1)
		then 'true' else 'false' end,
	d.attempts, (extract(epoch from d.due_at) * 1000000)::bigint, d.slice_id, v.name, k.name,
	nullif(d.code, 0), status_text(d.status), d.text, d.source
from (select * from campaigns where tenant_id = $1::int and state <> 0
	order by id desc limit 5) c
left join deferrals d on d.tenant_id = $1::int and d.campaign_id = c.id
	and d.subscriber_id = $2::bigint
left join verdicts v on v.number = d.verdict
left join classes k on k.number = d.class
order by c.id desc
