-- Accounts that somebody draws from for the first time. Those that nobody needs any more go at
-- this occasion.
with old as (
	delete from draw_accounts
	where tenant_id = $1::integer and changed < now() - interval '60 days')
insert into draw_accounts (tenant_id, account, kind)
select distinct $1::integer, w.account, w.kind
from unnest($2::text[], $3::integer[]) as w(account, kind)
order by 2, 3
on conflict do nothing
