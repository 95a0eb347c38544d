-- A batch's evidence against addresses: strikes are counted, and those that reach their rule, or
-- need no counting ($6), become suppressions: held ones while their provider has an incident.
with evidence as (
	select e.*, r.reason, r.count_min, r.days_min, r.span, r.decay, r.for_sender,
		case when r.for_sender then coalesce(campaign_sender($1::integer, e.campaign_id), '')
			else '' end as sender
	from unnest($2::bigint[], $3::bigint[], $4::integer[], $5::timestamptz[], $6::integer[],
		$7::integer[], $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[])
		with ordinality as e(subscriber_id, campaign_id, rule, at, now, code, status, cause, text,
			provider, source, place)
	join strike_rules r on r.rule = e.rule),
counted as (
	insert into strikes as k (tenant_id, subscriber_id, rule, sender, count, days, first_at, last_at,
		provider)
	select $1, subscriber_id, rule, sender, count(*), count(distinct (at at time zone 'UTC')::date),
		min(at), max(at), max(provider)
	from evidence where now = 0 and count_min > 1 and not (for_sender and sender = '')
	group by subscriber_id, rule, sender
	order by subscriber_id, rule, sender
	on conflict (tenant_id, subscriber_id, rule, sender) do update set
		count = case when k.last_at < excluded.last_at - interval '90 days' then excluded.count
			else k.count + excluded.count end,
		days = case when k.last_at < excluded.last_at - interval '90 days' then excluded.days
			else k.days + excluded.days - case when (k.last_at at time zone 'UTC')::date
				>= (excluded.first_at at time zone 'UTC')::date then 1 else 0 end end,
		first_at = case when k.last_at < excluded.last_at - interval '90 days' then excluded.first_at
			else least(k.first_at, excluded.first_at) end,
		last_at = greatest(k.last_at, excluded.last_at), provider = excluded.provider
	returning k.*),
reached as (
	select distinct on (e.subscriber_id, e.sender) e.*
	from evidence e
	where e.now <> 0 or e.count_min <= 1 or exists (select from counted k
		where k.subscriber_id = e.subscriber_id and k.rule = e.rule and k.sender = e.sender
			and k.count >= e.count_min and k.days >= e.days_min and k.last_at - k.first_at >= e.span)
	order by e.subscriber_id, e.sender, e.now desc, e.place desc),
guilty as (
	select $1::integer as tenant_id, address_hash(s.address_key) as address_hash, s.address_key as address,
		r.subscriber_id, r.sender, r.reason::smallint, r.campaign_id, r.cause, r.code::smallint,
		r.status, r.text, r.provider, r.source, r.at as seen_at, r.at + r.decay as expires_at,
		i.id as incident_id
	from reached r
	cross join lateral (select recipient_key($1, r.subscriber_id) as address_key offset 0) s
	left join incidents i on i.tenant_id = $1 and i.provider = r.provider and i.state = 0
		and r.reason in (1, 2)
	where s.address_key is not null),
held as (
	insert into suppressions_held (tenant_id, incident_id, address_hash, address, reason, campaign_id,
		cause, code, status, text, provider, source, seen_at, expires_at)
	select tenant_id, incident_id, address_hash, address, reason, campaign_id, cause, code, status,
		text, provider, source, seen_at, expires_at
	from guilty g where incident_id is not null and not exists (select from suppressions x
		where x.tenant_id = g.tenant_id and x.address_hash = g.address_hash and x.scope = 0)
	on conflict do nothing),
scoped as (
	insert into suppressions_scoped (tenant_id, address_hash, sender, subscriber_id, address, reason,
		campaign_id, cause, code, status, text, provider, source, seen_at, expires_at)
	select tenant_id, address_hash, sender, subscriber_id, address, reason, campaign_id, cause, code,
		status, text, provider, source, seen_at, expires_at
	from guilty where incident_id is null and sender <> ''
	on conflict do nothing)
insert into suppressions (tenant_id, address_hash, address, reason, campaign_id, cause, code, status,
	text, provider, source, seen_at, expires_at)
select tenant_id, address_hash, address, reason, campaign_id, cause, code, status, text, provider,
	source, seen_at, expires_at
from guilty where incident_id is null and sender = ''
on conflict do nothing
