-- The list by its name; made when missing.
with made as (
	insert into lists (tenant_id, name) values ($1::integer, $2::text)
	on conflict (tenant_id, name) do nothing returning id)
select id from made union all
select id from lists where tenant_id = $1 and name = $2 and not exists (select from made)
