-- The attributes of those, counted while they were read ('': themselves).
insert into attribute_changes (tenant_id, list_id, attribute, change)
select $1::integer, $2::bigint, name, change
from unnest($3::text[], $4::bigint[]) as c(name, change)
where change > 0
