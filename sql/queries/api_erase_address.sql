-- A hash stays, and nothing that a server said: it may repeat the address.
with scoped as (
	update suppressions_scoped set address = null, reason = 102, text = '', subscriber_id = null
	where tenant_id = $1::int and address_hash = address_hash($2::text)),
held as (
	update suppressions_held set address = null, text = ''
	where tenant_id = $1::int and address_hash = address_hash($2::text))
update suppressions set address = null, reason = 102, text = '', expires_at = null
where tenant_id = $1::int and address_hash = address_hash($2::text)
