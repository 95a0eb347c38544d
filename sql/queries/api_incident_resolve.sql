select provider, held from incident_resolve($1::int, $2::bigint, $3::boolean)
