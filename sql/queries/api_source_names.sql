-- Sources that engines send from, whatever this machine's configuration has.
select distinct source from path_states where tenant_id = $1::int order by 1 limit 100
