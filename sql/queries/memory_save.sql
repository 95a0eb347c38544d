-- What an engine's paths have learned; of several of one path the last counts. Not of a source
-- that another engine holds by now: that one knows better. In the order of keys, so that two saves
-- cannot lock each other out.
insert into path_memory as m (tenant_id, engine_id, source, site, state, ended, suspended_until, blocked,
	rate_per_hour, connection_cap, changed)
select distinct on (g.source, g.site) $1::integer, $2::integer, g.source, g.site, g.state,
	g.flags & 1 <> 0, case when g.suspended_for > 0
		then now() + g.suspended_for * interval '1 microsecond' end,
	g.flags & 2 <> 0, nullif(g.rate_per_hour, 0), g.connection_cap, now()
from unnest($4::text[], $5::text[], $6::text[], $7::integer[], $8::bigint[], $9::bigint[], $10::integer[])
	with ordinality
	as g(source, site, state, flags, suspended_for, rate_per_hour, connection_cap, at)
where not exists (select from sources s
	where s.tenant_id = $1 and s.name = g.source and s.until_at > now()
		and (s.engine_id, s.epoch) <> ($2, $3::integer))
order by g.source, g.site, g.at desc
on conflict (tenant_id, source, site) do update set
	engine_id = excluded.engine_id, state = excluded.state, ended = excluded.ended,
	suspended_until = excluded.suspended_until, blocked = excluded.blocked,
	rate_per_hour = excluded.rate_per_hour, connection_cap = excluded.connection_cap,
	changed = excluded.changed
