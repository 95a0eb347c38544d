-- A file of a campaign, which an earlier revision may have had already.
insert into parts (tenant_id, campaign_id, sha256, bytes)
select $1::int, $2::bigint, sha256(f.bytes), f.bytes from (select decode($3::text, 'base64') as bytes) f
on conflict do nothing
