-- Where sources stand with providers, and what became of their last day. Days count from 1970.
select w.source, w.provider, w.step, w.day - date '1970-01-01', w.step_since - date '1970-01-01',
	w.mailed_day - date '1970-01-01', w.counted, w.held,
	coalesce(d.started, 0), coalesce(d.deferred, 0), coalesce(d.complained, 0)
from warmups w
left join source_days d on d.tenant_id = w.tenant_id and d.source = w.source
	and d.provider = w.provider and d.day = w.day
where w.tenant_id = $1::integer and ($2::text is null or w.source = $2::text)
	and ($3::text is null or w.provider = $3::text)
order by w.source, w.provider
