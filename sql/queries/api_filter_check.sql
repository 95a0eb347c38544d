select '{}'::jsonb @@ $2::jsonpath, $1::int
