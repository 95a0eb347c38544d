# Replies that no rule knows are counted while a campaign is sent, and listed.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_unknown/')
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-unknown }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	retry { first = 200ms last = 1s greylist_first = 200ms }
	default_limits { message_rate = unlimited connection_rate = unlimited }
	dkim "k" { domain = example.com selector = s1 key = s1.pem }
END
run 0 init
run 0 report --unknown
run 0 report --unknown --json
is_json
never_prints "pattern"
run 2 report
tells "which campaign?"
run 2 report letter --unknown
tells "all campaigns"
run 2 report letter --csv
tells "--unknown"

run 0 dkim keygen --domain example.com --selector s1 --out s1.pem
/usr/bin/python3 - >people.csv <<-END
	print("email,first_name")
	for i in range(200):
	    print(f"r{i}@one.test,Name{i}")
END
run 0 import people.csv --list news
mkdir letter
cat >letter/campaign.conf <<-END
	subject = "For {{ first_name }}"
	from = "Ann <ann@example.com>"
	lists = { news }
END
printf 'Hello {{ first_name }}\n' >letter/body.txt
# So few that hardly ever five come in a row, for which the path would wait a minute.
"$program" sink --listen "127.0.0.1:$port" --reject "10%:550 5.0.0 glorp <ann@example.com> 4F2A11B9C0" \
	--defer "3%:450 4.0.0 wibble" --store none >sink.log 2>&1 &
sink=$!
trap 'kill $sink 2>/dev/null' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	/usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
	sleep 0.3
done
run 0 send letter --quiet
run 0 report letter --json
cp out report.json
run 0 report --unknown
prints "glorp <@>"
never_prints "ann@example.com"
run 0 report --unknown --json
is_json
/usr/bin/python3 - <<-END
	import json
	report, rows = json.load(open("report.json")), json.load(open("out"))
	by_code = {row["code"]: row for row in rows}
	assert sorted(by_code) == [450, 550] and len(rows) == 2, rows
	refused = by_code[550]
	assert refused["count"] == report["failed_by_class"]["unknown"] == report["failed"] > 0
	assert refused["pattern"] == "glorp @ 0" and refused["stage"] == "rcpt", refused
	assert refused["first_seen"] <= refused["last_seen"]
	assert by_code[450]["pattern"] == "wibble" and by_code[450]["count"] > 0
	assert [row["count"] for row in rows] == sorted((row["count"] for row in rows), reverse=True)
END
claim $? "each reply that nobody knows is counted once, as many as the campaign's report says"
run 0 report --unknown --csv
prints "count,code,stage,provider,first_seen,last_seen,pattern,example"
kill "$sink"
wait "$sink" 2>/dev/null

# Whoever is erased is in no example.
sql "insert into unknown_replies values (1, 550, 8, '', 'p1', 1, now(), now(), 'user r5 is odd'),
	(1, 550, 8, '', 'p2', 1, now(), now(), 'user r55 is odd')"
run 0 subscriber erase r5@one.test
[ "$(sql "select string_agg(pattern, ' ' order by pattern) from unknown_replies where pattern like 'p_'")" = p2 ]
claim $? "an example that names him is gone, others stay"
