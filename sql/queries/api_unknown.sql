-- Replies that no rule knows: the most frequent first, of equal ones the newest.
select u.count,
	u.code,
	coalesce(s.name, u.stage::text),
	u.provider,
	to_char(u.first_seen, 'YYYY-MM-DD HH24:MI'),
	to_char(u.last_seen, 'YYYY-MM-DD HH24:MI'),
	u.pattern,
	u.example
from unknown_replies u
left join stages s on s.number = u.stage
where u.tenant_id = $1::int
order by u.count desc, u.last_seen desc, u.code, u.stage, u.provider, u.pattern
