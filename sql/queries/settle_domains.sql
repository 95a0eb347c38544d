-- A batch's evidence against domains: the second sighting suppresses one. Not those of the large
-- providers: they do not go, whatever a resolver says.
with evidence as (
	select s.domain, e.*, r.reason, r.span
	from unnest($2::bigint[], $3::bigint[], $4::integer[], $5::timestamptz[], $6::integer[],
		$7::integer[], $8::text[], $9::text[], $10::text[], $11::text[])
		with ordinality as e(subscriber_id, campaign_id, rule, at, code, status, cause, text, provider,
			source, place)
	join strike_rules r on r.rule = e.rule
	join subscribers s on s.tenant_id = $1::integer and s.id = e.subscriber_id
	where e.provider = ''),
counted as (
	insert into domain_strikes as k (tenant_id, domain, rule, count, first_at, last_at)
	select $1, domain, rule, count(*), min(at), max(at) from evidence
	group by domain, rule order by domain, rule
	on conflict (tenant_id, domain, rule) do update set
		count = case when k.last_at < excluded.last_at - interval '90 days' then excluded.count
			else k.count + excluded.count end,
		first_at = case when k.last_at < excluded.last_at - interval '90 days' then excluded.first_at
			else least(k.first_at, excluded.first_at) end,
		last_at = greatest(k.last_at, excluded.last_at)
	returning k.*)
insert into suppressions_scoped (tenant_id, domain, reason, campaign_id, cause, code, status, text,
	provider, source, seen_at, expires_at)
select distinct on (e.domain) $1, e.domain, e.reason, e.campaign_id, e.cause, e.code::smallint, e.status,
	e.text, e.provider, e.source, e.at, e.at + interval '180 days'
from evidence e
join counted k on k.domain = e.domain and k.rule = e.rule
where k.count >= 2 and k.last_at - k.first_at >= e.span
order by e.domain, e.place desc
on conflict do nothing
