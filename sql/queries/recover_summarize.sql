-- Brings the BRIN indexes of a campaign's deliveries up to date before many slices are looked up in
-- it: what autovacuum has not come to yet would be read whole for each of them.
select brin_summarize_new_values(i) from unnest(array[
	to_regclass('deliveries_' || $1::bigint || '_slice'),
	to_regclass('delivery_packs_' || $1 || '_slice')]) as i
where i is not null
