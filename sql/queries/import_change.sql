-- Subscribers who are there already and say something else now. $2: the file's columns, whose
-- empty cells take an attribute away; other attributes stay. Nobody was changed who came with an earlier
-- line of the file ($3).
with changed as (
	update subscribers s set address = r.address, name = coalesce(r.name, s.name),
		attributes = (s.attributes - $2::text[]) || r.attributes
	from import_rows r
	where s.tenant_id = $1::integer and s.address_key = r.address_key
		and (s.address <> r.address or s.name <> coalesce(r.name, s.name)
			or (s.attributes <> r.attributes and s.attributes <> (s.attributes - $2) || r.attributes))
	returning s.id)
select count(*) from changed where not id <@ $3::int8multirange
