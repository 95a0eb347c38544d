-- The newest content of a campaign, and whom it is for.
select t.settings::text, t.html, t.text,
	(select coalesce(jsonb_agg(l.name order by l.name), '[]') from lists l
		where l.tenant_id = $1::int and l.id = any (c.list_ids))::text,
	(select coalesce(jsonb_agg(l.name order by l.name), '[]') from lists l
		where l.tenant_id = $1::int and l.id = any (c.excluded_list_ids))::text,
	c.filter
from campaigns c
join templates t on t.tenant_id = $1::int and t.campaign_id = c.id and t.revision = c.revision
where c.tenant_id = $1::int and c.id = $2::bigint
