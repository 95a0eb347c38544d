-- The same for one list ($5: its number, or 0) or one sender ($6), or of domains ($7).
insert into suppressions_scoped as s (tenant_id, address_hash, domain, list_id, sender, address, reason,
	expires_at)
select $1::int, case when $7::boolean then '' else address_hash(key) end,
	case when $7::boolean then key else '' end, $5::bigint, $6::text,
	case when not $7::boolean then key end, $3::smallint,
	case when $4::bigint > 0 then now() + $4::bigint * interval '1 second' end
from (select distinct key from jsonb_array_elements_text($2::jsonb) key) keys
on conflict (tenant_id, address_hash, domain, list_id, sender) do update
	set reason = excluded.reason, expires_at = excluded.expires_at
	where s.expires_at < coalesce(excluded.expires_at, 'infinity')
returning 1
