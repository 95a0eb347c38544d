# trace DOMAIN and trace EMAIL: real DNS, sinks with and without STARTTLS, hosts that are dead or
# say no.
port=$(free_port)
smtp=$(free_port)
printf '0123456789abcdef0123456789abcdef\n' >secret
cat >rundbrief.conf <<-END
	sending { return_domain = bounce.news.test secret = secret }
	database { conninfo = "host=/nowhere" }
	dns { server = 127.0.0.1 port = $port timeout = 2s tries = 2 }
	smtp { port = $smtp allow_loopback = true }
	source "a" { address = 127.0.0.1 helo = out.news.test }
	source "b" { address = 127.0.0.9 helo = b.news.test }
END
cat >zone <<-END
	\$ORIGIN .
	\$TTL 60
	. IN SOA ns. hostmaster. 1 3600 600 86400 60
	. IN NS ns.
	ns. IN A 127.0.0.1
	good.test. IN MX 10 mx1.good.test.
	good.test. IN MX 20 mx2.good.test.
	mx1.good.test. IN A 127.0.0.5
	mx2.good.test. IN A 127.0.0.2
	plain.test. IN MX 10 mx.plain.test.
	mx.plain.test. IN A 127.0.0.3
	dead.test. IN MX 10 mx1.good.test.
	null.test. IN MX 0 .
END
sh "$root/tests/live/nsd.sh" start "$PWD/zone" "$port" "$PWD/nsd" >nsd.log 2>&1
claim $? "the DNS server answers"
"$program" sink --listen "127.0.0.2:$smtp;name=mx2.good.test;starttls" \
	--listen "127.0.0.3:$smtp;reject=100%:550 5.1.1 No such user here" \
	--count-file sink.json >sink.out 2>sink.err &
sink=$!
trap 'kill $sink; sh "$root/tests/live/nsd.sh" stop "$PWD/nsd" >/dev/null 2>&1' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ "$(grep -c listening sink.err)" -ge 1 ] && break
	sleep 0.2
done

in_order() { # TEXT...: each of them on a later line than the one before
	at=0
	for text in "$@"; do
		line=$(tail -n +$((at + 1)) out | grep -nF -e "$text" | head -1 | cut -d: -f1)
		[ -n "$line" ] || break
		at=$((at + line))
	done
	[ -n "$line" ]
	claim $? "prints in this order: $*"
}

# The first host is dead, the second has TLS.
run 0 trace good.test
quiet
prints "good.test: 2 hosts by MX, site mx1.good.test"
prints "10 mx1.good.test [127.0.0.5]"
prints "no policy of the domain in use; need: TLS where it is offered, unverified"
in_order "connecting to mx1.good.test [127.0.0.5]:$smtp from a (127.0.0.1)" \
	"result     connect-refused: " \
	"class network (connect-failed); the engine's verdict: deferred, tried again in 15m" \
	"connecting to mx2.good.test [127.0.0.2]:$smtp from a (127.0.0.1)" " connected" \
	" < 220 mx2.good.test" " > EHLO out.news.test" " < 250-STARTTLS" " > STARTTLS" " < 220 " \
	"TLSv1.3 TLS_" " > EHLO out.news.test" " < 250" " > QUIT" " < 221 " \
	"result     ready for mail"
prints "certificate not verified, new session"
[ "$(grep -cE '^\+[0-9]+\.[0-9]{3} s' out)" -ge 20 ]
claim $? "each step has its time"

run 0 trace good.test --host MX2.good.test --source b --tls none
prints "from b (127.0.0.9)"
prints " > EHLO b.news.test"
never_prints "> STARTTLS"
never_prints "127.0.0.5]:"
never_prints "TLSv1"
run 1 trace good.test --host mx9.good.test
prints "this is none of the hosts, which are mx1.good.test, mx2.good.test"
run 1 trace good.test --all
in_order "connecting to mx1" "connect-refused" "connecting to mx2" "ready for mail"

# A certificate that proves nothing, where proof is needed.
run 1 trace good.test --tls verify --host mx2.good.test
prints "need: TLS, verified certificate"
prints "result     tls-failed: TLS failed: certificate is not accepted"
never_prints "clear text"

# Addresses are asked for, and nothing is sent.
run 0 trace ann@good.test
in_order "nothing is sent" " > MAIL FROM:<b-" " > RCPT TO:<ann@good.test>" \
	" > RSET" " < 250 2.1.5" " < 250 " " > QUIT" "result     250 2.1.5" \
	"at rcpt; class none; the engine's verdict: delivered, the message would follow"
prints "@bounce.news.test>"
never_prints "DATA"
run 0 trace ann@plain.test
in_order "> RCPT TO:<ann@plain.test>" "< 550 5.1.1 No such user here" "result     550 5.1.1 No such" \
	"at rcpt; class bad-mailbox; the engine's verdict: failed, given up, and the address suppressed"

# Ends before any connection, and after the last.
run 1 trace dead.test
prints "result     connect-refused: "
tells "did not come to its end"
run 1 trace null.test
prints "null.test: none (null-mx)"
prints "the domain null.test takes no mail (null MX)"
run 1 trace nowhere.test
prints "does not exist"

run 0 trace ann@good.test --json
is_json
quiet
/usr/bin/python3 - <<-END >why 2>&1
	import json
	t = json.load(open("out"))
	assert t["task"] == "probe" and t["email"] == "ann@good.test" and t["through"] and t["accepted"]
	hosts = t["route"]["hosts"]
	assert [h["name"] for h in hosts] == ["mx1.good.test", "mx2.good.test"], hosts
	assert hosts[1]["addresses"] == ["127.0.0.2"] and hosts[1]["need"] == "may"
	dead, good = t["connections"]
	assert dead["result"]["local_cause"] == "connect-refused" and not dead["steps"], dead
	assert dead["result"]["verdict"] == "deferred" and not dead["result"]["through"]
	assert (good["host"], good["address"], good["port"]) == ("mx2.good.test", "127.0.0.2", $smtp)
	assert (good["source"], good["source_address"]) == ("a", "127.0.0.1")
	kinds = [s["kind"] for s in good["steps"]]
	assert kinds[0] == "connected" and set(kinds) == {"connected", "said", "heard", "tls"}, kinds
	times = [s["at"] for s in good["steps"]]
	assert times == sorted(times), times
	assert {"kind": "said", "text": "RSET"}.items() <= next(
	    s for s in good["steps"] if s.get("text") == "RSET").items()
	r = good["result"]
	assert (r["code"], r["stage"], r["verdict"], r["origin"]) == (250, "rcpt", "delivered", "remote"), r
END
claim $? "the JSON holds the same: $(tail -1 why)"
run 1 trace null.test --json
is_json

run 6 trace 'ann@@good.test'
run 6 trace 'good..test'
run 2 trace good.test --tls verifi
tells "did you mean 'verify'?"
run 2 trace good.test --source c
tells "unknown source 'c'"
run 2 trace
kill -USR1 $sink
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -s sink.json ] && break
	sleep 0.2
done
grep -q '"accepted":0' sink.json
claim $? "the sinks got no message: $(head -c 200 sink.json)"

# Relays that want a login: what proves it is never shown.
printf 'correct horse\n' >password
chmod 600 password
/usr/bin/python3 "$root/tests/cli/trace_relay.py" "$PWD/ca" >ports 2>relay.err &
relay=$!
trap 'kill $sink $relay; sh "$root/tests/live/nsd.sh" stop "$PWD/nsd" >/dev/null 2>&1' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -s ports ] && break
	sleep 0.5
done
read -r honest parrot <ports
claim $? "the relays listen: $(tail -1 relay.err)"
relay_conf() { # PORT KEYS: all mail by this relay
	{
		sed 's/^smtp {/& ca_file = "ca\/ca.pem"/' rundbrief.conf
		echo "relay \"r\" { host = 127.0.0.1 port = $1 user = ann password = password $2 }"
		echo 'route "*" { relays = { r } }'
	} >relay.conf
}
shows_no_secret() {
	! grep -qF -e 'correct horse' -e Y29ycmVjdCBob3JzZQ -e AGFubgBjb3JyZWN0 out err
	claim $? "shows no secret"
}
relay_conf "$honest" "mechanisms = { SCRAM-SHA-256 }"
run 0 trace eve@elsewhere.test --config relay.conf --verbose
prints "elsewhere.test: 1 host by configuration, site relay:r"
prints "need: TLS, verified certificate"
in_order ", certificate verified, new session" " < 250 AUTH LOGIN SCRAM-SHA-256"
in_order " > AUTH SCRAM-SHA-256 ********" " < 334 ********" " > ********" " < 334 ********" \
	" < 235 2.7.0 ok" " > MAIL FROM:<b-" "result     250"
shows_no_secret
relay_conf "$honest" "mechanisms = { LOGIN }"
run 0 trace elsewhere.test --config relay.conf --json
is_json
prints '"text":"AUTH LOGIN"}'
prints '"text":"********"}'
shows_no_secret
relay_conf "$parrot" ""
for format in --verbose --json; do
	run 1 trace eve@elsewhere.test --config relay.conf $format
	prints "AUTH PLAIN ********"
	prints "535 ********"
	tells "it repeats what proves who we are"
	shows_no_secret
done
