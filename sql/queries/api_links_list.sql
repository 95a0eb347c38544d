-- The tracked links of a campaign's newest revision.
select l.index, l.target, l.is_liquid, l.text
from campaigns c
join campaign_links l on l.tenant_id = c.tenant_id and l.campaign_id = c.id and l.revision = c.revision
where c.tenant_id = $1::int and c.id = $2::bigint
order by l.index
