-- The files of a revision, in the order of its settings; null: one is missing.
select p.bytes
from templates t
cross join lateral jsonb_array_elements(t.settings->'parts') with ordinality as e(part, number)
left join parts p on p.tenant_id = t.tenant_id and p.campaign_id = t.campaign_id
	and p.sha256 = decode(e.part->>'sha256', 'hex')
where t.tenant_id = $1::integer and t.campaign_id = $2::bigint and t.revision = $3::integer
order by e.number
