# Ctrl-C, pause, resume and cancel in mid-campaign: each ends in order, and the sums still hold.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_stop/')
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-stop }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	default_limits { message_rate = "200/s,burst=20" connection_rate = unlimited }
END
run 0 init
/usr/bin/python3 -c '
print("email")
for i in range(1500):
    print(f"r{i}@one.test")' >people.csv
run 0 import people.csv --list news
mkdir letter
printf 'subject = "x"\nfrom = "Ann <ann@example.com>"\nlists = { news }\n' >letter/campaign.conf
printf 'Hello\n' >letter/body.txt
"$program" sink --listen "127.0.0.1:$port" --log-recipients got >sink.log 2>&1 &
sink=$!
trap 'kill $sink 2>/dev/null' EXIT
sleep 1

# Starts sending in the background and waits until some have been accepted.
begin_send() {
	before=$(wc -l <got)
	"$program" send letter >send.out 2>send.err &
	sender=$!
	for _ in $(seq 100); do
		[ "$(wc -l <got)" -gt $((before + 20)) ] && break
		sleep 0.1
	done
}

end_send() { # expected exit code
	wait $sender
	code=$?
	[ $code -eq "$1" ]
	claim $? "send ends with $1 (was $code): $(tail -1 send.err)"
}

begin_send
kill -INT $sender
end_send 5
run 0 report letter --json
prints '"holds":true'
prints '"state":"running"'
begin_send
run 1 send letter
tells "another engine is running"
echo 'P.S.' >>letter/body.txt
run 1 campaign create letter
tells "has been launched and the folder says something else"
printf 'Hello\n' >letter/body.txt
run 0 campaign create letter
prints "revision 1, unchanged"
sed -i 's/^lists.*/lists = { news, more }/' letter/campaign.conf
echo email >more.csv
run 0 import more.csv --list more
run 1 campaign create letter
tells "has been launched"
sed -i 's/^lists.*/lists = { news }/' letter/campaign.conf
sleep 1
kill -0 $sender
claim $? "a second send leaves the first one alone"
run 0 pause letter
prints "is paused"
sleep 2
paused_at=$(wc -l <got)
sleep 1
[ "$(wc -l <got)" -eq "$paused_at" ] && kill -0 $sender
claim $? "paused, the engine waits"
run 1 pause letter
tells "is paused"
run 0 resume letter --json
is_json
sleep 2
[ "$(wc -l <got)" -gt "$paused_at" ]
claim $? "resumed, it goes on"
run 0 pause letter
kill -TERM $sender
end_send 5
run 5 send letter
tells "rundbrief resume"
run 0 resume letter
begin_send
kill -9 $sender
wait $sender 2>/dev/null
begin_send
run 0 cancel letter
end_send 5
run 0 report letter --json
prints '"state":"cancelled"'
prints '"holds":true'
prints '"open":0'
run 0 recipients letter --verdict cancelled --csv
[ "$(wc -l <out)" -gt 100 ]
claim $? "who was cancelled is listed"
run 1 resume letter
tells "is cancelled"

[ "$(cut -f1 got | sort | uniq -d | wc -l)" -eq 0 ]
claim $? "nobody got it twice"

# Stopped on the way: the report knows why.
head -n 601 people.csv >some.csv
run 0 import some.csv --list some
mkdir stopped
printf 'subject = "s"\nfrom = "Ann <ann@example.com>"\nlists = { some }\n' >stopped/campaign.conf
printf 'Hello\n' >stopped/body.txt
before=$(wc -l <got)
"$program" send stopped >send.out 2>send.err &
sender=$!
for _ in $(seq 100); do
	[ "$(wc -l <got)" -gt $((before + 20)) ] && break
	sleep 0.05
done
run 0 suppress add r599@one.test r598@one.test
run 0 subscriber unsubscribe r597@one.test
end_send 0
run 0 report stopped --json
prints '"suppressed_by_reason":{"manual":2,"unsubscribed":1}'
/usr/bin/python3 "$root/tests/cli/rows_behind.py" "$program" stopped >out
claim $? "who was stopped on the way is listed by reason"

# Cancelled while no engine is there: the next send accounts for everybody.
mkdir lost
printf 'subject = "y"\nin_doubt = retry\nfrom = "Ann <ann@example.com>"\nlists = { news }\n' >lost/campaign.conf
printf 'Hello\n' >lost/body.txt
before=$(wc -l <got)
"$program" send lost >send.out 2>send.err &
sender=$!
for _ in $(seq 100); do
	[ "$(wc -l <got)" -gt $((before + 20)) ] && break
	sleep 0.1
done
kill -9 $sender
wait $sender 2>/dev/null
run 0 cancel lost
number=$(sql "select id from campaigns where name = 'lost'")
tells "rundbrief send $number"
run 0 report lost
prints "rundbrief send $number"
run 5 send "$number"
run 0 report lost --json
prints '"open":0'
prints '"holds":true'
/usr/bin/python3 "$root/tests/cli/rows_behind.py" "$program" lost >out
claim $? "each number of a cancelled campaign opens to as many rows"
run 1 send "$number"
tells "is cancelled"
