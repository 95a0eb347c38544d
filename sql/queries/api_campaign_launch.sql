-- Draft to running: the audience is everybody on its lists up to the highest subscriber there is. A
-- transactional one has none: there is nothing to cut. It keeps the secret of this moment.
update campaigns c set state = 1, launched_at = now(), fully_cut = (c.kind = 1), token_key = $3::text,
	highest_id = coalesce((select max(id) from subscribers where tenant_id = $1::int), 0),
	expires_at = case when c.kind = 0 and x.seconds > 0
		then now() + x.seconds * interval '1 second' end,
	expires_after = case when c.kind = 1 and x.seconds > 0 then x.seconds * interval '1 second' end
from (select coalesce((settings ->> 'expires_seconds')::bigint, 0) as seconds, revision
	from templates where tenant_id = $1::int and campaign_id = $2::bigint
	order by revision desc limit 1) x
where c.tenant_id = $1::int and c.id = $2::bigint and c.state = 0
returning campaign_partition(c.id), c.revision, pg_notify('rundbrief_outbox', $1::text)
