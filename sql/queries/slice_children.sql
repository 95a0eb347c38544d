-- The ids that were put back from a slice before. A put-back whose commit was not answered finds
-- its ids here, and who takes a slice over leaves here whom it took.
select ids from slices
where tenant_id = $1::integer and campaign_id = $2::bigint and parent_id = $3::bigint
