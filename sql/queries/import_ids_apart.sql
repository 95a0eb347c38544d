-- Ids for rows that the importer writes into subscribers itself, when others take ids meanwhile: as ranges. A
-- set in a select list is not kept anywhere, as one in FROM is.
select min(id), max(id)
from (select n, nextval((select pg_get_serial_sequence('subscribers', 'id')::regclass)) as id
	from (select generate_series(1, $1::bigint) as n) as numbers) as taken
group by id - n order by 1
