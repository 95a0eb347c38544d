-- A campaign ends when everything is cut, no slice is open or held, and nobody waits. One that
-- has ended already says so again: the first answer may have been lost. A transactional one waits
-- for more.
update campaigns c set state = 4, finished_at = coalesce(finished_at, now())
where c.tenant_id = $1::integer and c.id = $2::bigint and c.state in (1, 4) and c.kind = 0
	and c.fully_cut
	and not exists (select from slices s
		where s.tenant_id = $1 and s.campaign_id = $2 and s.state in (0, 1, 4, 5))
	and not exists (select from deferrals d
		where d.tenant_id = $1 and d.campaign_id = $2 and d.slice_id is null)
returning c.id
