-- Cancels a message that waits; true: it did.
select outbox_cancel($1::int, $2::bigint)
