-- What has been learned about hosts; of one, or of all (the newest first). A limit is shown as long
-- as it holds.
select name,
	coalesce((array['lockstep', 'group', 'next', 'chunk', 'window'])[flight + 1], flight::text),
	window_size,
	proven,
	case when flight_limit_until > now() then
		coalesce((array['lockstep', 'group', 'next', 'chunk', 'window'])[flight_limit + 1],
			flight_limit::text) end,
	case when flight_limit_until > now() then to_char(flight_limit_until, 'YYYY-MM-DD HH24:MI') end,
	case when messages_until > now() then messages_per_connection end,
	case when messages_until > now() then to_char(messages_until, 'YYYY-MM-DD HH24:MI') end,
	case when tls_broken_until > now() then to_char(tls_broken_until, 'YYYY-MM-DD HH24:MI') end,
	to_char(changed, 'YYYY-MM-DD HH24:MI'),
	note
from mail_host
where $1::int is not null and ($2::text = '' or name = $2)
order by changed desc, name
