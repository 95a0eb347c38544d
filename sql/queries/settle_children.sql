-- Who was moved out of slices that were taken over.
select s.parent_id, s.ids from slices s
where s.tenant_id = $1::integer and s.campaign_id = any($2::bigint[]) and s.parent_id = any($3::bigint[])
