-- The letter of the secret that a campaign's tokens are made with; null: see 0015_links.
select token_key from campaigns where tenant_id = $1::int and id = $2::bigint
