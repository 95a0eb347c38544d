-- Where domains lead. Engines ask for the same ones again and again: a row is written anew only
-- when it says something else, or says it for half a day.
insert into domain_sites as d (tenant_id, domain, site, provider, mx_hosts, seen_at)
select distinct on (g.domain) $1::integer, g.domain, g.site, g.provider, g.mx_hosts, now()
from unnest($2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
	as g(domain, site, provider, mx_hosts, at)
order by g.domain, g.at desc
on conflict (tenant_id, domain) do update set
	site = excluded.site, provider = excluded.provider, mx_hosts = excluded.mx_hosts,
	seen_at = excluded.seen_at
where d.site <> excluded.site or d.provider <> excluded.provider
	or d.seen_at < now() - interval '12 hours'
