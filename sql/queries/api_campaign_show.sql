-- A campaign's settings, content sizes and audience, for people.
select c.id, c.name, (array['draft', 'running', 'paused', 'cancelled', 'finished'])[c.state + 1],
	c.revision, t.settings, length(t.html), length(t.text),
	(select string_agg(l.name, ', ' order by l.name) from lists l
		where l.tenant_id = c.tenant_id and l.id = any (c.list_ids)),
	(select string_agg(l.name, ', ' order by l.name) from lists l
		where l.tenant_id = c.tenant_id and l.id = any (c.excluded_list_ids)),
	c.filter, c.created_at, c.launched_at, c.finished_at
from campaigns c
left join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id and t.revision = c.revision
where c.tenant_id = $1::int and c.id = $2::bigint
