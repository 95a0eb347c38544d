# A forecast: the mix of domains, the limits in force, and the report that sets it beside the fact.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_plan/')
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-plan }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	default_limits {
	    message_rate = 100/min
	}
END
run 0 init
/usr/bin/python3 - >people.csv <<-END
	print("email,age")
	for i in range(10000):
	    print(f"r{i}@d{i % 7}.test,{i % 90}")
END
run 0 import people.csv --list news --numbers --json
prints '"added":10000'
printf 'email\nr1@d1.test\nr2@d2.test\n' >staff.csv
run 0 import staff.csv --list staff
run 0 suppress add r7@d0.test
mkdir letter
cat >letter/campaign.conf <<-END
	subject = "Hello"
	from = "Ann <ann@example.com>"
	lists = { news }
	exclude = { staff }
END
printf 'Hello\n' >letter/body.txt
run 0 campaign create letter
run 3 plan spring
tells "spring"
run 2 plan letter --start soon
tells "--start 'soon' is no time"
run 0 plan letter --start 2026-12-01T08:00:00Z
quiet
prints "Recipients  9,997 at 7 domains"
prints "Start       2026-12-01 08:00:00 UTC"
prints "message rate 100/min (rundbrief.conf:7)"
prints "after 1h4"
prints "Faster: with twice the message rate 100/min"
run 0 plan letter --json
is_json
cp out plan.json
/usr/bin/python3 - <<-END
	import json, sys
	p = json.load(open("plan.json"))
	row = p["providers"][0]
	sys.exit(not (len(p["providers"]) == 1 and row["recipients"] == 9997 and p["sampled"] == 1 and
	              abs(p["end_after"] / 5998 - 1) < 0.05 and abs(row["per_hour"] / 6000 - 1) < 0.05 and
	              abs(p["end_after_with_twice_the_limit"] / 2999 - 1) < 0.06))
END
claim $? "9,997 recipients at 100 a minute take 100 minutes, and half of that with twice the rate"

mkdir some
cat >some/campaign.conf <<-END
	subject = "Hello"
	from = "Ann <ann@example.com>"
	lists = { news, staff }
	filter = "\$.age < 9"
END
printf 'Hello\n' >some/body.txt
run 0 campaign create some
run 0 plan some --json
prints '"recipients":1007,'
run 0 report letter --json
is_json
prints '"forecast":[{"provider":"other","recipients":9997,'
prints '"fact":null'

# A fact: five at once are soon sent.
sed -i 's/100\/min/unlimited/' rundbrief.conf
"$program" sink --listen "127.0.0.1:$port" >sink.log 2>&1 &
sink=$!
trap 'kill $sink 2>/dev/null' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	/usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
	sleep 0.3
done
run 0 plan some
run 0 send some --quiet
run 0 report some
prints "Last first attempt after forecast     fact"
run 0 report some --json
never_prints '"fact":null'
mkdir nobody
cat >nobody/campaign.conf <<-END
	subject = "Hello"
	from = "Ann <ann@example.com>"
	lists = { staff }
	exclude = { news }
END
printf 'Hello\n' >nobody/body.txt
run 0 campaign create nobody
run 0 plan nobody
prints "Nobody would get it."
