# A campaign from a CSV to a report, through the engine into the sink.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_send/')
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-send }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	retry { first = 200ms last = 1s greylist_first = 200ms }
	default_limits { message_rate = unlimited connection_rate = unlimited }
	dkim "k" { domain = example.com selector = s1 key = s1.pem }
END
run 0 init
run 0 dkim keygen --domain example.com --selector s1 --out s1.pem
/usr/bin/python3 - >people.csv <<-END
	print("email,first_name")
	for i in range(300):
	    print(f"r{i}@one.test,Name{i}")
END
run 0 import people.csv --list news --json
prints '"added":300'
run 0 suppress add r7@one.test
mkdir letter
cat >letter/campaign.conf <<-END
	subject = "For {{ first_name }}"
	from = "Ann <ann@example.com>"
	lists = { news }
END
printf 'Hello {{ first_name }}\n' >letter/body.txt

"$program" sink --listen "127.0.0.1:$port" --reject 3% --defer 5% --seed 5 --store exact:got --count-file count >sink.log 2>&1 &
sink=$!
trap 'kill $sink 2>/dev/null' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	/usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
	sleep 0.3
done

run 0 send letter --test ann@example.com --as r1@one.test
prints "sent to ann@example.com as r1@one.test would get it"
run 3 send letter --test ann@example.com --as nobody@one.test
run 0 send letter
prints "rundbrief report letter"
run 0 report letter --json
is_json
prints '"targeted":300'
prints '"suppressed":1,'
prints '"holds":true'
prints '"state":"finished"'
cp out report.json
run 0 recipients letter --verdict delivered --csv
delivered=$(($(wc -l <out) - 1))
/usr/bin/python3 -c "import json, sys; r = json.load(open('report.json')); sys.exit(r['delivered'] != $delivered or r['delivered_later'] == 0 or r['failed'] == 0)"
claim $? "the rows are as many as the report says ($delivered delivered)"
/usr/bin/python3 "$root/tests/cli/rows_behind.py" "$program" letter >out
claim $? "each number of the report opens to as many rows"
run 0 recipients letter --verdict failed --json
is_json
run 0 recipients letter --verdict suppressed --csv
prints "r7@one.test"
run 0 recipients letter --try later
run 0 report letter
prints "It adds up."
run 1 send letter
tells "was sent already"
run 1 campaign start letter
tells "was sent already"
run 1 pause letter
run 0 status letter --json
is_json
run 0 preview letter --to r1@one.test --raw --unsigned
cp out preview
kill "$sink"
wait "$sink" 2>/dev/null
/usr/bin/python3 - <<-END
	import sys
	want = open("preview", "rb").read()
	got = open("got", "rb").read()
	sys.exit(0 if want in got else 1)
END
claim $? "the sink got the very bytes that preview shows"
[ "$(grep -c '^X-nothing' got)" -eq 0 ] && [ "$(grep -c '^DKIM-Signature' got)" -ge "$delivered" ]
claim $? "every message is signed"
