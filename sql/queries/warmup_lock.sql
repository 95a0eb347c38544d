-- Where a source stands with a provider, and what became of that day; nobody else moves it until
-- this transaction ends. Days are counted from 1970.
insert into warmups as w (tenant_id, source, provider)
values ($1::integer, $2::text, $3::text)
on conflict (tenant_id, source, provider) do update set changed = now()
returning w.step, w.day - date '1970-01-01', w.step_since - date '1970-01-01',
	w.mailed_day - date '1970-01-01', w.counted, w.held,
	(select d.started from source_days d where d.tenant_id = w.tenant_id
		and d.source = w.source and d.provider = w.provider and d.day = w.day),
	(select d.deferred from source_days d where d.tenant_id = w.tenant_id
		and d.source = w.source and d.provider = w.provider and d.day = w.day),
	(select d.complained from source_days d where d.tenant_id = w.tenant_id
		and d.source = w.source and d.provider = w.provider and d.day = w.day)
