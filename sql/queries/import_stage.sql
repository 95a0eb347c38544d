-- Where rows land first; gone with the transaction.
create temporary table import_rows (
	line bigint not null,
	address_key text collate "C" not null,
	address text not null,
	domain text collate "C" not null,
	name text,
	attributes jsonb not null
) on commit drop
