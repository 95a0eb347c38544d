-- A campaign by id or name, with one revision of its content.
select c.id, c.name, c.state, c.launched_at, c.expires_at, c.fully_cut,
	t.revision, t.settings::text, t.html, t.text, t.settings ? 'parts', c.token_key,
	c.cut_mark = 0 and not c.fully_cut
from campaigns c
left join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id
	and t.revision = coalesce(nullif($4::integer, 0), c.revision)
where c.tenant_id = $1::integer
	and case when $2::bigint > 0 then c.id = $2 else c.name = $3::text end
