-- A subscriber by address key; or ($3) 0 for an address that only the suppressions or the outbox
-- hold in clear.
select id from subscribers where tenant_id = $1::int and address_key = $2::text
union all
select 0 from suppressions
where $3::boolean and tenant_id = $1::int and address_hash = address_hash($2::text)
	and address is not null
union all
select 0 where $3::boolean and exists (select from outbox
	where tenant_id = $1::int and address_key = $2::text)
order by id desc limit 1
