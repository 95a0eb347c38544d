-- Ids for rows that the importer writes into subscribers itself: the first and the last. If others took some
-- between them these are too many, and nobody's then; import_ids_apart takes half as long again.
select first, lastval()
from (select min(nextval((select pg_get_serial_sequence('subscribers', 'id')::regclass))) as first
	from (select generate_series(1, $1::bigint)) as numbers) as taken
