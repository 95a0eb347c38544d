select attribute_counts_recount($1::int, $2::bigint)
