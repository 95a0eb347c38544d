-- Adds a batch's attempts to the days of their sources; in one order for all engines, so that two
-- batches cannot lock each other out.
insert into source_days as d (tenant_id, source, provider, day, started, delivered, deferred,
	complained)
select $1::integer, g.source, g.provider, date '1970-01-01' + g.day, g.started, g.delivered,
	g.deferred, 0
from unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::integer[])
	as g(source, provider, day, started, delivered, deferred)
order by g.source collate "C", g.provider collate "C", g.day
on conflict (tenant_id, source, provider, day) do update set
	started = d.started + excluded.started,
	delivered = d.delivered + excluded.delivered,
	deferred = d.deferred + excluded.deferred
