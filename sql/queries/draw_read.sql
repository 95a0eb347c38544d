-- Accounts as they stand, with the time of this moment, the engines that are alive, and how long
-- the one that asks goes on being one of them. No lock:
-- what is written later must find the version that was read.
select w.at, a.version, a.state,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint,
	(select string_agg(e.id::text, ' ') from engines e
		where e.tenant_id = $1::integer and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at)),
	(select (extract(epoch from e.heartbeat_at + e.lease - clock_timestamp()) * 1000000)::bigint
		from engines e where e.tenant_id = $1 and e.id = $4::integer
			and not engine_is_silent(e.heartbeat_at, e.lease, e.left_at))
from unnest($2::text[], $3::integer[]) with ordinality as w(account, kind, at)
left join draw_accounts a on a.tenant_id = $1 and a.account = w.account and a.kind = w.kind
order by w.at
