with me as (select * from subscribers where tenant_id = $1::int and id = $2::bigint)
select name, value from (
	select 1 as part, now() as at, 'email' as name, address as value from me
	union all select 2, now(), 'number', id::text from me
	union all select 3, now(), 'name', me.name from me where me.name <> ''
	union all select 4, now(), 'attributes', attributes::text from me where attributes <> '{}'
	union all select 5, now(), 'suppressed', r.name
			|| coalesce(' since ' || to_char(x.at, 'YYYY-MM-DD HH24:MI'), '')
			|| coalesce(', until ' || to_char(x.expires_at, 'YYYY-MM-DD'), '')
			|| case when x.code > 0 then ': ' || x.provider || ' ' || x.code || ' '
				|| status_text(x.status) || ' ' || x.text else '' end
	from me join reasons r on r.number = suppressed
	left join suppressions x on x.tenant_id = me.tenant_id
		and x.address_hash = address_hash(me.address_key) and x.scope = 0
	union all select 5, x.at, 'suppressed', r.name || coalesce(' for list ' || l.name, '')
			|| coalesce(' for sender ' || nullif(x.sender, ''), '')
			|| ' since ' || to_char(x.at, 'YYYY-MM-DD HH24:MI')
			|| coalesce(', until ' || to_char(x.expires_at, 'YYYY-MM-DD'), '')
			|| case when x.domain <> '' then ': all of ' || x.domain else '' end
	from me join suppressions_scoped x on x.tenant_id = me.tenant_id
		and (x.subscriber_id = me.id or (x.domain = me.domain and x.domain <> ''))
	join reasons r on r.number = x.reason
	left join lists l on l.tenant_id = x.tenant_id and l.id = x.list_id
	union all select 5, k.last_at, 'strikes', k.count || ' x ' || u.name || coalesce(' for sender '
			|| nullif(k.sender, ''), '') || ', ' || to_char(k.first_at, 'YYYY-MM-DD') || ' to '
			|| to_char(k.last_at, 'YYYY-MM-DD')
	from me join strikes k on k.tenant_id = me.tenant_id and k.subscriber_id = me.id
	join strike_rules u on u.rule = k.rule
	union all select 6, p.changed_at, 'list', l.name || ': '
		|| (array['subscribed', 'unsubscribed', 'unconfirmed'])[p.state]
		|| ' since ' || to_char(p.changed_at, 'YYYY-MM-DD HH24:MI')
	from me
	join subscriptions p on p.tenant_id = me.tenant_id and p.subscriber_id = me.id
	join lists l on l.tenant_id = p.tenant_id and l.id = p.list_id
	union all select * from (
		select 7, o.at, 'message', c.name || ': ' || to_char(o.at, 'YYYY-MM-DD HH24:MI:SS') || ' '
			|| o.verdict || coalesce(' (' || nullif(o.class, 'none') || ')', '')
			|| ' ' || coalesce(nullif(o.code, 0)::text, '') || ' ' || o.status || ' ' || o.text
		from me
		join slices x on x.tenant_id = me.tenant_id and me.id between x.lo_id and x.hi_id
		join campaigns c on c.tenant_id = x.tenant_id and c.id = x.campaign_id
		cross join lateral (
			select * from outcomes y
			where y.campaign_id = x.campaign_id and y.slice_id = x.id
				and y.subscriber_id = me.id offset 0) o
		order by o.at desc limit 20) m) lines
order by part, at
