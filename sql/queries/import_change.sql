-- Subscribers who are there already and say something else now. $2: the file's columns, whose
-- empty cells take an attribute away; other attributes stay.
update subscribers s set address = r.address, name = coalesce(r.name, s.name),
	attributes = (s.attributes - $2::text[]) || r.attributes
from import_rows r
where s.tenant_id = $1::integer and s.address_key = r.address_key
	and (s.address <> r.address or s.name <> coalesce(r.name, s.name)
		or s.attributes <> (s.attributes - $2) || r.attributes)
