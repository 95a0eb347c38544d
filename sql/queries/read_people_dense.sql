-- Recipients of a slice whose ids lie close together: the whole range, the reader drops the few
-- that are not in the slice. FIELDS becomes one column for each attribute asked for.
select s.id, s.suppressed, s.address, s.name /* FIELDS */
from subscribers s
where s.tenant_id = $1::integer and s.id between $2::bigint and $3::bigint
