-- The files of a revision (0: the newest), in the order of its settings, as the commands read them.
select encode(p.bytes, 'base64')
from campaigns c
join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id
	and t.revision = coalesce(nullif($3::integer, 0), c.revision)
cross join lateral jsonb_array_elements(t.settings->'parts') with ordinality as e(part, number)
left join parts p on p.tenant_id = t.tenant_id and p.campaign_id = t.campaign_id
	and p.sha256 = decode(e.part->>'sha256', 'hex')
where c.tenant_id = $1::integer and c.id = $2::bigint
order by e.number
