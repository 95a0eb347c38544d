-- Hands a message over; one with its key that is there already stays as it is, and is told instead.
with added as (
	insert into outbox (tenant_id, template, address, name, attributes, key, priority, not_before,
		expires_at)
	select $1::int, $2::text, $3::text, $4::text, $5::jsonb, nullif($6::text, ''), $7::smallint,
		to_timestamp(nullif($8::text, '')::double precision),
		to_timestamp(nullif($9::text, '')::double precision)
	on conflict (tenant_id, key) do nothing
	returning id)
select id, true from added
union all
select id, false from outbox
where tenant_id = $1::int and key = nullif($6::text, '') and not exists (select from added)
