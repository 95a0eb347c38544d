# explain DOMAIN and explain EMAIL: real DNS, limits from the shipped table, the user's, and the
# configuration, each with the row that won and those it beat.
port=$(free_port)
printf '0123456789abcdef0123456789abcdef\n' >secret
cat >rundbrief.conf <<-END
	sending { return_domain = bounce.news.test secret = secret }
	database { conninfo = "host=/nowhere" }
	dns { server = 127.0.0.1 port = $port timeout = 2s tries = 2 }
	smtp { allow_loopback = true }
	providers_file = providers.tsv
	default_limits { message_rate = "60/s" }
	provider "gmail" {
	  connections = 3
	}
	retry { last = 6h }
	relay "main" { host = 127.0.0.6 }
	route "relayed.test" { relays = { main } tls = encrypt }
	limit "all-gmail" { provider = gmail campaign = spring message_rate = 5000/h byte_rate = 1GB/h }
	limit "everything" { connections = 40 }
END
{
	printf '# ours\n\nprovider\tconnections\tmx_suffixes\tbyte_rate\tmessages_per_connection\tdate\n'
	printf 'gmail\t4\t\t2MB/min\t\t2026-10\n'
	printf 'acme\t2\t.acme.test\t\t\t\n'
	printf 'mx1.small.test\t1\t\t\t\t\n'
} >providers.tsv
cat >zone <<-END
	\$ORIGIN .
	\$TTL 60
	. IN SOA ns. hostmaster. 1 3600 600 86400 60
	. IN NS ns.
	ns. IN A 127.0.0.1
	shop.test. IN MX 10 aspmx.l.google.com.
	shop.test. IN MX 20 ASPMX2.googlemail.com.
	aspmx.l.google.com. IN A 127.0.0.2
	aspmx2.googlemail.com. IN A 127.0.0.3
	mixed.test. IN MX 10 aspmx.l.google.com.
	mixed.test. IN MX 20 mx1.small.test.
	mx1.small.test. IN A 127.0.0.4
	small.test. IN MX 10 mx1.small.test.
	branch.test. IN MX 10 mx.acme.test.
	mx.acme.test. IN A 127.0.0.5
	null.test. IN MX 0 .
END
sh "$root/tests/live/nsd.sh" start "$PWD/zone" "$port" "$PWD/nsd" >nsd.log 2>&1
claim $? "the DNS server answers"
trap 'sh "$root/tests/live/nsd.sh" stop "$PWD/nsd" >/dev/null 2>&1' EXIT

line_with() { # TEXT...: one line holds them in this order
	pattern=
	for text in "$@"; do
		pattern="$pattern.*$(printf %s "$text" | sed 's/[][\.*^$]/\\&/g')"
	done
	grep -q -e "$pattern" out
	claim $? "a line holds, in this order: $*"
}

run 0 explain Ann@Shop.Test
quiet
prints "shop.test: 2 mail hosts"
line_with "10 aspmx.l.google.com" ".google.com of gmail"
line_with "20 aspmx2.googlemail.com" ".googlemail.com of gmail"
line_with "provider" "gmail" "engine/shape/providers.tsv:" "2026-09)"
line_with "site" "aspmx.l.google.com,aspmx2.googlemail.com"
prints "one source to this provider: all its sites together"
line_with "connections at once" " 3 " "gmail, rundbrief.conf:8"
line_with "not 4 " "gmail, providers.tsv:4 (2026-10)"
line_with "not 5 " "gmail, engine/shape/providers.tsv:" "(KumoMTA shaping.toml; TLS" ", 2026-09)"
line_with "not 10 " "default, engine/shape/providers.tsv:"
line_with "messages a connection" " 50 " "gmail, engine/shape/providers.tsv:"
line_with "messages " " 60/s " "default, rundbrief.conf:6"
line_with "not 100/s " "default, engine/shape/providers.tsv:"
line_with "volume" " 2MB/min " "gmail, providers.tsv:4"
line_with "connections opened" " 100/min " "default, engine"
line_with "shared by" " provider " "gmail, engine"
line_with "TLS" " may " "smtp.tls, its default"
line_with "TLS at least" " encrypt " "gmail, engine/shape/providers.tsv:"
line_with "not any " "default, engine"
line_with "aspmx.l.google.com needs: TLS, any certificate"
line_with "messages in all" " 5000/h " 'limit "all-gmail", of campaign spring, rundbrief.conf:13'
line_with "bytes in all" " 1GB/h " 'limit "all-gmail"'
line_with "connections in all" " 40 " 'limit "everything", rundbrief.conf:14'
line_with "first retry after" " 15m " "retry.first, its default"
line_with "waits at most" " 6h " "retry.last, rundbrief.conf:10"

# Every host must match the same row; a site may have a row of its own.
run 0 explain mixed.test
line_with "10 aspmx.l.google.com" ".google.com of gmail"
line_with "20 mx1.small.test" "no row has an ending of it"
line_with "provider" "none" "not every host has an ending of the same row"
line_with "connections at once" " 10 " "default, engine"
never_prints "gmail, "
never_prints "all-gmail"
prints 'limit "everything"'
run 0 explain small.test
line_with "provider" "none" "no host has an ending of any row"
line_with "connections at once" " 1 " "mx1.small.test, providers.tsv:6"
prints "one source to this site"
run 0 explain branch.test
line_with "provider" "acme" "providers.tsv:5"
line_with "connections at once" " 2 " "acme, providers.tsv:5"
line_with "shared by" " site " "default, engine"
run 0 explain relayed.test
prints 'relayed.test: 1 relay, by route "relayed.test"'
line_with "site" "relay:main"
line_with "TLS" " encrypt " 'route "relayed.test".tls, rundbrief.conf:12'

run 0 explain shop.test --json
is_json
quiet
/usr/bin/python3 - <<-END >why 2>&1
	import json
	e = json.load(open("out"))
	assert e["domain"] == "shop.test" and e["provider"]["name"] == "gmail", e["provider"]
	assert e["provider"]["origin"] == "built-in" and e["provider"]["date"] == "2026-09"
	assert [h["suffix"] for h in e["hosts"]] == ["google.com", "googlemail.com"], e["hosts"]
	c = e["limits"]["connections"]
	assert (c["value"], c["row"], c["origin"], c["file"], c["line"]) == (
	    "3", "gmail", "configuration", "rundbrief.conf", 8), c
	beaten = [(b["value"], b["origin"]) for b in c["beats"]]
	assert beaten == [("4", "file"), ("5", "built-in"), ("10", "built-in")], beaten
	assert e["limits"]["scope"]["value"] == "provider"
	assert all(e["limits"][k] for k in ("connection_rate", "idle_close", "flight", "window"))
	assert e["tls_wish"] == {"key": "smtp.tls", "value": "may"}, e["tls_wish"]
	assert e["limits"]["tls"]["value"] == "encrypt" and e["hosts"][0]["tls_need"] == "encrypt"
	assert e["wide_limits"][0] == {"name": "all-gmail", "campaign": "spring", "message_rate": "5000/h",
	    "byte_rate": "1GB/h", "file": "rundbrief.conf", "line": 13}, e["wide_limits"]
	assert e["wide_limits"][1]["connections"] == 40, e["wide_limits"]
	assert {"key": "retry.last", "value": "6h", "file": "rundbrief.conf", "line": 10} in e["retry"]
END
claim $? "the JSON holds the same: $(tail -1 why)"

run 1 explain null.test
tells "takes no mail (null MX)"
run 1 explain null.test --json
is_json
prints '"cause":"null-mx"'
run 1 explain nowhere.test
tells "does not exist"
run 6 explain 'ann@@shop.test'
run 6 explain 'shop..test'
run 2 explain
tells "for whom?"
run 0 explain --table
prints "provider	mx_suffixes"

# The shipped table is a good file of one's own; a bad one is refused with its place.
run 0 explain --table
cp out providers.tsv
run 0 explain shop.test
line_with "connections at once" " 3 "
line_with "not 5 " "gmail, providers.tsv:"
printf 'provider\tconnections\ngmail\tmany\n' >providers.tsv
run 2 explain shop.test
tells "providers.tsv:2:7: connections 'many': is not a whole number: write one from 1 to 10000"
printf 'provider\tconections\n' >providers.tsv
run 2 explain shop.test
tells "providers.tsv:1:10: 'conections': there is no such column"
rm providers.tsv
run 2 explain shop.test
tells "providers.tsv: No such file"
