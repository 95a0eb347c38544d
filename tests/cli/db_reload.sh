# A running engine takes up a changed table of providers: a bad one is told and changes nothing, a
# good one counts at once, and no connection ends for it. Under the first table the campaign
# would take days.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_reload/')
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-reload }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	providers_file = providers.tsv
END
table() { # RATE
	printf 'provider\tconnections\tmessages_per_connection\tmessage_rate\tidle_seconds\n' >new.tsv
	printf 'default\t1\t0\t%s\t600\n' "$1" >>new.tsv
	mv new.tsv providers.tsv
}
table '1/h,burst=5'
run 0 init
/usr/bin/python3 -c '
print("email")
for i in range(300):
    print(f"r{i}@one.test")' >people.csv
run 0 import people.csv --list news
mkdir letter
printf 'subject = "x"\nfrom = "Ann <ann@example.com>"\nlists = { news }\n' >letter/campaign.conf
printf 'Hello\n' >letter/body.txt
"$program" sink --listen "127.0.0.1:$port" --log-recipients got --count-file sink.json >sink.log 2>&1 &
sink=$!
trap 'kill $sink 2>/dev/null' EXIT
sleep 1

wait_for() { # SECONDS COMMAND...: true once the command is
	tries=$(($1 * 5))
	shift
	while [ $tries -gt 0 ] && ! "$@"; do
		sleep 0.2
		tries=$((tries - 1))
	done
	[ $tries -gt 0 ]
}
got_lines() {
	[ "$(wc -l <got)" -ge "$1" ]
}

# Without a terminal, as a service has none: there SIGHUP says that a file has changed.
setsid "$program" send letter --verbose >send.out 2>send.err &
sender=$!
wait_for 30 got_lines 5
claim $? "five messages leave at once: $(wc -l <got)"
table '5/fortnight'
wait_for 30 grep -q providers-refused send.err
claim $? "a bad table is noticed"
grep -q "providers.tsv:2:13: message_rate '5/fortnight': is not a rate: write 100/s" send.err
claim $? "and refused with its place: $(grep providers-refused send.err)"
sleep 5
[ "$(grep -c providers-refused send.err)" -eq 1 ]
claim $? "once"
rm providers.tsv
wait_for 30 grep -q 'providers-refused.*No such file' send.err
claim $? "a table that is gone changes nothing either"
[ "$(wc -l <got)" -eq 5 ] && kill -0 $sender
claim $? "what was in force stays"
table unlimited
kill -HUP $sender
wait_for 30 got_lines 8
claim $? "what waits in memory leaves at once: $(wc -l <got)"
# What had found no room comes again within five minutes; a person need not wait for it.
run 0 flush --campaign letter
wait_for 60 got_lines 300
claim $? "under a good table all leave: $(wc -l <got)"
wait $sender
code=$?
[ $code -eq 0 ]
claim $? "send ends with 0 (was $code): $(tail -1 send.err)"
grep -q 'reloaded changed="providers_file" needs_restart=""' send.err
claim $? "it said so"
kill -USR1 $sink
wait_for 10 test -s sink.json
grep -q '"connections":1,' sink.json
claim $? "all went over one connection: $(head -c 200 sink.json)"
[ "$(cut -f1 got | sort | uniq -d | wc -l)" -eq 0 ]
claim $? "nobody got it twice"
