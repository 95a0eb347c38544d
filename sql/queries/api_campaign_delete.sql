-- Only drafts and campaigns that have ended; what was delivered goes with it.
delete from campaigns
where tenant_id = $1::int and id = $2::bigint and state in (0, 3, 4)
returning id
