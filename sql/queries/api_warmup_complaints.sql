-- Complaints that somebody has learned of: they are of the mail of that day. Days count from 1970.
insert into source_days as d (tenant_id, source, provider, day, started, delivered, deferred,
	complained)
values ($1::integer, $2::text, $3::text, date '1970-01-01' + $4::integer, 0, 0, 0, $5::bigint)
on conflict (tenant_id, source, provider, day) do update set
	complained = d.complained + excluded.complained
returning complained
