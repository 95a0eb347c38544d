-- And rows of the outbox that were never started.
select outbox_cancel_all($1::integer, $2::bigint)
