-- Its owner may start nothing of it any more.
update slices set state = 4
where tenant_id = $1::integer and campaign_id = $2::bigint and id = $3::bigint
