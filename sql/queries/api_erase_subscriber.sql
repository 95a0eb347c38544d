-- The subscriptions go by a trigger, which counts them out.
delete from subscribers where tenant_id = $1::int and id = $2::bigint
