-- Slices that an engine holds, or held when it was lost.
select id, campaign_id from slices
where tenant_id = $1::int and lease_engine_id = $2::int and state in (1, 4)
order by state desc, id
limit 500
