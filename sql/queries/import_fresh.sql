-- Onto the list, whom the importer has just added: nobody has said anything of them.
insert into subscriptions (tenant_id, list_id, subscriber_id)
select $1::integer, $2::bigint, generate_series(lower(r), upper(r) - 1)
from unnest($3::int8multirange) as r
