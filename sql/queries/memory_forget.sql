-- Paths that nobody has used for 60 days.
delete from path_memory
where (tenant_id, source, site) in (select tenant_id, source, site from path_memory
	where tenant_id = $1::integer and changed < now() - interval '60 days'
	limit 1000
	for update skip locked)
