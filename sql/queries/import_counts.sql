-- The counts of attributes are up to date by their triggers; here they are put together, and a list is
-- counted again when another transaction met this one.
select case when exists (select from attribute_changes c
		where c.tenant_id = $1::integer and c.list_id = $2::bigint and c.change is null)
	then attribute_counts_recount($1, $2)::text
	else attribute_counts_fold($1)::text end
