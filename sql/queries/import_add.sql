-- Subscribers who are new: mostly in the order of the file, as it is read. Sorting them by it took more
-- than it is worth.
insert into subscribers (tenant_id, address, address_key, domain, name, attributes)
select $1::integer, r.address, r.address_key, r.domain, coalesce(r.name, ''), r.attributes
from import_rows r
where not exists (select from subscribers s
	where s.tenant_id = $1 and s.address_key = r.address_key)
on conflict (tenant_id, address_key) do nothing
