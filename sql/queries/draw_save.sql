-- Accounts whose version is still the one that was read; tells which. Who else writes one at
-- this moment is not waited for: he has changed it.
with mine as (
	select w.at, w.state, a.account, a.kind
	from unnest($2::text[], $3::integer[], $4::bigint[], $5::text[]) with ordinality
		as w(account, kind, version, state, at)
	join draw_accounts a on a.tenant_id = $1::integer and a.account = w.account
		and a.kind = w.kind and a.version = w.version
	for update of a skip locked)
update draw_accounts a set version = a.version + 1, state = mine.state, changed = now()
from mine
where a.tenant_id = $1::integer and a.account = mine.account and a.kind = mine.kind
returning mine.at
