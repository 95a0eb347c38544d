-- Of several rows with one address the last stays.
with ranked as (
	select ctid as place, row_number() over (partition by address_key order by line desc) as rank
	from import_rows)
delete from import_rows r using ranked where r.ctid = ranked.place and ranked.rank > 1
