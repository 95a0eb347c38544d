-- A JSON array of address keys; those there are already keep their reason, unless they would decay
-- before the new one does. $4: seconds it lasts; 0: for good.
insert into suppressions as s (tenant_id, address_hash, scope, address, reason, expires_at)
select $1::int, address_hash(key), 0, key, $3::smallint,
	case when $4::bigint > 0 then now() + $4::bigint * interval '1 second' end
from (select distinct key from jsonb_array_elements_text($2::jsonb) key) keys
on conflict (tenant_id, address_hash, scope) do update
	set reason = excluded.reason, expires_at = excluded.expires_at
	where s.expires_at < coalesce(excluded.expires_at, 'infinity')
returning 1
