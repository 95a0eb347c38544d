-- Lists whose counts are missing or in doubt, of those named. Last, NULL: it pays to sum up what has
-- changed since; the sum is right in any case.
select l.id from lists l
where l.tenant_id = $1::int and l.name in (select jsonb_array_elements_text($2::jsonb))
	and (exists (select from attribute_changes c
			where c.tenant_id = $1::int and c.list_id = l.id and c.change is null)
		or exists (select from attribute_counts a
			where a.tenant_id = $1::int and a.list_id = l.id and a.count < 0)
		or ($3::boolean and exists (select from subscriptions x
			where x.tenant_id = $1::int and x.list_id = l.id)))
union all
select null
where (select count(*) from (select from attribute_changes where tenant_id = $1::int limit 2000) x) = 2000
