-- What is known of the paths of some sources, the newest first, and how long ago it was written.
select m.source, m.site, m.state,
	(extract(epoch from greatest(now() - m.changed, interval '0')) * 1000000)::bigint
from path_memory m
where m.tenant_id = $1::integer and m.source = any($2::text[])
order by m.changed desc
limit $3::bigint
