-- A person knows better where a source stands: with one provider, or with all that it has written
-- to. Days count from 1970.
insert into warmups as w (tenant_id, source, provider, step, step_since)
select $1::integer, $2::text, p.provider, $4::integer, date '1970-01-01' + $5::integer
from (select $3::text as provider where $3::text is not null
	union select k.provider from warmups k where $3::text is null
		and k.tenant_id = $1::integer and k.source = $2::text) p
order by p.provider
on conflict (tenant_id, source, provider) do update set
	step = excluded.step, step_since = excluded.step_since, held = '', changed = now()
returning w.provider
