select name from campaigns where tenant_id = $1::int order by id desc limit 200
