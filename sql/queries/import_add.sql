-- Subscribers who are new, in the order of the file.
insert into subscribers (tenant_id, address, address_key, domain, name, attributes)
select $1::integer, r.address, r.address_key, r.domain, coalesce(r.name, ''), r.attributes
from import_rows r
where not exists (select from subscribers s
	where s.tenant_id = $1 and s.address_key = r.address_key)
order by r.line
on conflict (tenant_id, address_key) do nothing
