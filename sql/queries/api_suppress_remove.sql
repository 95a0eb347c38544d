-- Everywhere, for every list and every sender; what was counted against the address goes, too.
with forgiven as (
	delete from strikes k using subscribers s
	where s.tenant_id = $1::int and s.address_key = $2::text and k.tenant_id = $1::int
		and k.subscriber_id = s.id),
everywhere as (
	delete from suppressions
	where tenant_id = $1::int and address_hash = address_hash($2::text) returning reason),
scoped as (
	delete from suppressions_scoped
	where tenant_id = $1::int and address_hash = address_hash($2::text) returning reason)
select r.name from (select reason from everywhere union all select reason from scoped) x
join reasons r on r.number = x.reason
