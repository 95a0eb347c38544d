-- Recipients of a slice whose ids lie far apart: looked up one by one.
select s.id, s.suppressed, s.address, s.name /* FIELDS */
from unnest($4::bigint[]) as w(id)
join subscribers s on s.tenant_id = $1::integer and s.id = w.id
	and s.id between $2::bigint and $3::bigint
