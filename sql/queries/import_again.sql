-- Rows whose address this import has added from an earlier line.
select count(*) from import_rows r
join subscribers s on s.tenant_id = $1::integer and s.address_key = r.address_key
where s.id <@ $2::int8multirange
