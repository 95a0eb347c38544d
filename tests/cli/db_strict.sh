# strict_variables: who lacks what the letter reads gets none, and it says which; strict_filters:
# whether a filter that does not exist is an error.
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_strict/')" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-strict }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	dkim "k" { domain = example.com selector = s1 key = s1.pem }
END
run 0 init
run 0 dkim keygen --domain example.com --selector s1 --out s1.pem
cat >people.csv <<-END
	email,first_name
	ann@example.com,Ann
	bob@example.com,
END
run 0 import people.csv --list news
mkdir letter
cat >letter/campaign.conf <<-END
	name = "lax"
	subject = "News"
	from = "Ann Example <ann@example.com>"
	lists = { "news" }
END
printf 'Dear {{ first_name }}!\n{{ unsubscribe_url }}\n' >letter/body.txt
run 0 campaign create letter
run 0 preview lax --to bob@example.com
prints "Dear !"
sed -i 's/"lax"/"strict"/; $a strict_variables = true' letter/campaign.conf
run 0 campaign create letter
run 0 campaign create letter
prints "unchanged"
run 0 preview strict --to ann@example.com
prints "Dear Ann!"
run 6 preview strict --to bob@example.com
tells "body.txt:1:"
tells "undefined variable 'first_name'"
"$program" sink --listen "127.0.0.1:$port" >sink.log 2>&1 &
sink=$!
trap 'kill $sink 2>/dev/null' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	/usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
	sleep 0.3
done
run 0 send letter
run 0 report strict --json
prints '"delivered":1,'
run 0 recipients strict --verdict delivered --csv
prints "ann@example.com"
run 0 recipients strict --verdict failed --csv
prints "bob@example.com"
run 0 why bob@example.com
prints "undefined variable 'first_name'"
kill "$sink"

sed -i 's/"strict"/"filters"/; s/strict_variables = true/strict_filters = true/' letter/campaign.conf
printf 'Dear {{ first_name | loudly }}!\n{{ unsubscribe_url }}\n' >letter/body.txt
run 6 campaign create letter
tells "unknown filter 'loudly'"
sed -i 's/strict_filters = true/strict_filters = false/' letter/campaign.conf
run 0 campaign create letter
run 0 preview filters --to ann@example.com
prints "Dear Ann!"
