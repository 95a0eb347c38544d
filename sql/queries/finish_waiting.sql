-- How many wait for the winner; when the campaign's time is over they are due, to end as expired. And
-- whose journal is waited for: of an engine that is silent, until its time is over.
with over as (
	update slices s set state = 0, due_at = now()
	from campaigns c
	where c.tenant_id = $1::integer and c.id = $2::bigint and c.state = 1 and c.expires_at <= now()
		and s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.state = 5
	returning s.id),
absent as (
	select e.name, s.decide_at from slices s
	join engines e on e.tenant_id = s.tenant_id and e.id = s.lease_engine_id
	where s.tenant_id = $1 and s.campaign_id = $2 and s.state = 4
		and engine_is_silent(e.heartbeat_at, e.lease, e.left_at)
	order by s.decide_at limit 1)
select coalesce(sum(s.count), 0)::bigint, (select name from absent),
	(select coalesce(to_char(decide_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC',
		'its engine.journal_wait is over') from absent)
from slices s
where s.tenant_id = $1 and s.campaign_id = $2 and s.state = 5 and not exists (select from over)
