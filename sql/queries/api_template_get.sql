select settings, html, text from templates
where tenant_id = $1::int and campaign_id = $2::bigint and revision = $3::int
