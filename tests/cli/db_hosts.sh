# What was learned about mail hosts, and TLS reports that nobody has asked for.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_hosts/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
END
run 4 hosts
tells "rundbrief init"
run 0 init
run 0 hosts --json
is_json
never_prints "host"
run 3 hosts mx1.example.net
tells "nothing is known about 'mx1.example.net'"
sql "insert into mail_host (name, flight, flight_limit, flight_limit_until, window_size,
	messages_per_connection, messages_until, tls_broken_until, note, changed) values
	('mx1.example.net', 4, 4, null, 8, null, null, null, '', now() - interval '1 hour'),
	('mx2.example.net', 1, 2, now() + interval '3 days', 0, 20, now() + interval '2 days',
		now() + interval '1 day', '=503 behind' || chr(27) || '[2J', now()),
	('mx3.example.net', 3, 1, now() - interval '1 day', 0, 20, now() - interval '1 day',
		now() - interval '1 day', 'long ago', now() - interval '9 days')"
run 0 hosts
prints "window"
never_prints "$(printf '\033')"
run 0 hosts --json
is_json
/usr/bin/python3 - <<-END
	import json
	one, two, three = json.load(open("out"))
	assert one["host"] == "mx2.example.net" and one["mode"] == "group" and one["limit"] == "next"
	assert one["messages"] == 20 and one["limit_until"] and one["no_tls_until"]
	assert two["mode"] == "window" and two["window"] == 8 and two["limit"] is None
	assert three["mode"] == "chunk" and three["limit"] is None and three["messages"] is None
END
claim $? "limits are shown as long as they hold, the newest knowledge first"
run 0 hosts mx2.example.net --csv
prints "'=503 behind"
never_prints "mx1"
run 0 hosts --forget mx2.example.net
is "mx2.example.net is forgotten"
run 3 hosts --forget mx2.example.net
run 0 hosts --forget mx1.example.net --json
is '{"forgotten":"mx1.example.net"}'
run 2 hosts one --forget two

run 0 tls-report
is ""
run 0 tls-report --json
is_json
run 3 tls-report --domain example.net
tells "no session with 'example.net'"
yesterday=$(sql "select (now() at time zone 'UTC')::date - 1")
sql "insert into tls_result (tenant_id, day, policy_domain, policy_type, policy_text, result_type,
	sending_ip, receiving_mx, receiving_ip, failure_reason, count)
	values (1, '$yesterday', 'example.net', 'tlsa', '3 1 1 abcd', '', '', '', '', '', 7)"
run 0 tls-report --print
is_json
prints '"organization-name": "bounce.example.com"'
prints '"contact-info": "tls-reports@bounce.example.com"'
prints "\"start-datetime\": \"${yesterday}T00:00:00Z\""
prints '"total-successful-session-count": 7'
run 0 tls-report --print --day "$yesterday" --domain example.net
is_json
run 2 tls-report --day tomorrow
tells "not 'tomorrow'"
run 2 tls-report --day 2999-01-01
tells "not over"
sql "select pg_advisory_lock(8460, 1), pg_sleep(30)" >/dev/null 2>&1 &
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -n "$(sql "select 1 from pg_locks where locktype = 'advisory' and granted")" ] && break
	sleep 0.3
done
run 5 tls-report
tells "another \`rundbrief tls-report\` is at work"
sql "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'" >/dev/null
wait
run 0 tls-report
echo 'tls_report { from = "no address" }' >>rundbrief.conf
run 2 tls-report
tells "tls_report.from"
