-- A cancelled campaign, locked by whoever accounts for the rest of it. Alone and first: what another
-- engine has accounted for meanwhile is seen by the statement that follows, and not counted twice.
select id from campaigns
where tenant_id = $1::integer and id = $2::bigint and state = 3
for no key update
