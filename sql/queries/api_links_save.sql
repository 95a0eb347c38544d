-- The tracked links of a new revision.
insert into campaign_links (tenant_id, campaign_id, revision, index, target, text, is_liquid)
select $1::int, $2::bigint, $3::int, x.index, x.target, x.text, x.is_liquid
from jsonb_to_recordset($4::jsonb) as x (index integer, target text, text text, is_liquid boolean)
