-- What has no foreign key to the campaign; the partition of deliveries is dropped apart.
with a as (delete from deferrals where tenant_id = $1::int and campaign_id = $2::bigint),
b as (delete from tallies where tenant_id = $1::int and campaign_id = $2::bigint),
c as (delete from start_marks where tenant_id = $1::int and campaign_id = $2::bigint)
select 1
