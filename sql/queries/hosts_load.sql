-- What has been learned about hosts, the newest first.
select name, flight, flight_limit, flight_limit_until, window_size, messages_per_connection,
	messages_until, tls_broken_until, note, changed, proven
from mail_host
order by changed desc, name
limit $1::bigint
