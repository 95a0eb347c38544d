-- Suppressions that have decayed.
select suppressions_expire($1::integer)
