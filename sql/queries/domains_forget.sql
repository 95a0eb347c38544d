-- Domains that no engine asked for in 60 days: some at each save.
delete from domain_sites
where tenant_id = $1::integer and domain in (
	select domain from domain_sites
	where tenant_id = $1 and seen_at < now() - interval '60 days'
	order by seen_at limit 1000)
