-- The campaign, unless its filter fits nobody on its lists; without a filter in any case.
select c.id from campaigns c
where c.tenant_id = $1::int and c.id = $2::bigint and (c.filter is null or exists (
	select from subscriptions p
	join subscribers s on s.tenant_id = $1::int and s.id = p.subscriber_id
	where p.tenant_id = $1::int and p.list_id = any (c.list_ids) and p.state = 1
		and s.attributes @@ c.filter::jsonpath))
