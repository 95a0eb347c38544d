-- What nobody has renewed for a day.
delete from path_states where tenant_id = $1::integer and updated_at < now() - interval '1 day'
