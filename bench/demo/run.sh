#!/bin/sh
# The main job from end to end, on this machine alone: bench/demo/run.sh [N]
#
# A private PostgreSQL cluster, a real DNS server with a private zone, a sink that plays the
# receiving internet (one 127.0.0.x per provider), a list of N readers and a real-looking letter;
# then import, campaign, send with live progress, report. Everything started here is stopped at
# the end, after an error and after Ctrl-C; var/demo keeps the files to look at.
set -eu
n=${1:-2000}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"
case $n in
'' | *[!0-9]* | 0) echo "make demo N=...: N is how many readers the list has" >&2; exit 2 ;;
esac
program=$top/build/rundbrief
place=$top/var/demo
rm -rf "$place"
mkdir -p "$place"
export RUNDBRIEF_CONFIG="$place/rundbrief.conf"

sink= started_pg= started_nsd= done_well=
clean_up() {
	trap - EXIT INT TERM HUP
	[ -z "$sink" ] || { kill "$sink" 2>/dev/null && wait "$sink" 2>/dev/null; } || true
	[ -z "$started_nsd" ] || sh tests/live/nsd.sh stop "$place/nsd" >/dev/null 2>&1 || true
	[ -z "$started_pg" ] || sh tests/live/pg.sh remove "$place/pg" >/dev/null 2>&1 || true
	[ -n "$done_well" ] || echo "The demo did not come to its end; its files are in var/demo." >&2
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() {
	printf '\n== %s\n' "$*"
}

say "A private PostgreSQL, a DNS server and the receiving internet, all on loopback"
started_pg=1
conninfo=$(sh tests/live/pg.sh start "$place/pg" | tail -1)
# A port that nobody listens on: the kernel's own list says so, in hexadecimal.
taken() {
	grep -qi ":$(printf %04X "$1") 0*:0000 0A\|:$(printf %04X "$1") 0*:0000 07" /proc/net/tcp /proc/net/udp
}
port=2525 dns=5354
while taken $port; do port=$((port + 1)); done
while taken $dns; do dns=$((dns + 1)); done

cat >"$RUNDBRIEF_CONFIG" <<END
# Written by the demo. \`rundbrief help config\` explains every key.
database { conninfo = "$conninfo" }
dns { server = "127.0.0.1"  port = $dns  ipv6 = false }
engine { name = "demo"  journal = "journal" }
source "out1" { helo = "out1.news.example.com" }
smtp { port = $port  allow_loopback = true }
sending {
	return_domain = "bounces.news.example.com"
	base_url = "https://news.example.com"
	secret = "secret"
}
dkim "news" { domain = "news.example.com"  selector = "demo"  key = "dkim.pem" }
retry { first = "2s"  last = "2s"  greylist_first = "2s"  jitter = 0.0 }
default_limits { connections = 10  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "gmail" { mx = {".google.test"}  tls = any  connections = 20  messages_per_connection = 500  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "gmx" { mx = {".gmx.test", ".web.test"}  tls = any  connections = 8  messages_per_connection = 200  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "microsoft" { mx = {".protection.outlook.test"}  connections = 10  messages_per_connection = 200  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "yahoo" { mx = {".yahoodns.test"}  connections = 10  messages_per_connection = 20  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "t-online" { mx = {".t-online.test"}  connections = 4  messages_per_connection = 100  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "icloud" { mx = {".icloud.test"}  connections = 10  messages_per_connection = 50  message_rate = "unlimited"  connection_rate = "unlimited" }
provider "orange" { mx = {".orange.test"}  connections = 2  messages_per_connection = 100  message_rate = "unlimited"  connection_rate = "unlimited" }
END
"$program" init
"$program" dkim keygen --domain news.example.com --selector demo --out "$place/dkim.pem" >"$place/dkim.txt"
awk -f "$here/zone.awk" >"$place/demo.zone"
grep -E 'IN[[:space:]]+TXT' "$place/dkim.txt" >>"$place/demo.zone"
started_nsd=1
sh tests/live/nsd.sh start "$place/demo.zone" $dns "$place/nsd"
set --
for host in 11 12 13 14 15 16 17 18 19; do
	set -- "$@" --listen 127.0.0.$host:$port
done
"$program" sink "$@" --reject 3% --defer 5% --threads 1 \
	--count-file "$place/sink.json" --log-recipients "$place/accepted.tsv" \
	--store "exact:$place/sample" --store-share 2% \
	>"$place/sink.log" 2>&1 &
sink=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q listening "$place/sink.log" && break
	sleep 0.1
done

say "A list of $n readers"
awk -v n="$n" -f "$here/list.awk" >"$place/list.csv"
"$program" import "$place/list.csv" --list demo --rejects "$place/rejected.csv" || [ $? -eq 1 ]

say "A campaign from its folder, and the first reader's message"
"$program" campaign create templates/gallery/autumn-letter
"$program" preview autumn-letter --to "$(awk -F, 'NR == 2 { print $1 }' "$place/list.csv")" --text | head -20

say "Sending"
"$program" send autumn-letter

say "What came of it"
"$program" report autumn-letter | tee "$place/report.txt"
"$program" report autumn-letter --json >"$place/report.json"

kill "$sink" && wait "$sink" || true
sink=
say "The receiving side counted"
tail -12 "$place/sink.log"
done_well=1
echo
echo "Kept to look at in var/demo: report.txt list.csv rundbrief.conf accepted.tsv sink.json"
