#!/bin/sh
# nsd.sh - a real DNS server (Debian's nsd) for tests and the demo, in the user's own folder.
#   nsd.sh start ZONEFILE PORT DIR   serves ZONEFILE on 127.0.0.1:PORT, state in DIR; returns when
#                                    it answers. ZONEFILE begins with $ORIGIN; "." serves any name.
#   nsd.sh stop DIR
#   nsd.sh fetch                     only makes sure that nsd is there
# An installed nsd is used; otherwise the package is unpacked under build/roots/nsd, so that no
# service starts and nothing of the machine changes; $NSD_ROOT is another folder for it.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
root=${NSD_ROOT:-$here/build/roots/nsd}
packages="nsd libfstrm0 libprotobuf-c1 libevent-2.1-7"

fail() {
	echo "nsd.sh: $*" >&2
	exit 1
}

fetch() {
	nsd=$(command -v nsd || true)
	[ -x /usr/sbin/nsd ] && nsd=/usr/sbin/nsd
	[ -n "$nsd" ] && return
	nsd=$root/usr/sbin/nsd
	LD_LIBRARY_PATH=$(find "$root/usr/lib" -name '*.so*' -exec dirname {} \; 2>/dev/null |
		sort -u | tr '\n' ':')
	export LD_LIBRARY_PATH
	mkdir -p "$root/packages"
	# Tests that begin at the same time: one unpacks, the others wait.
	exec 9>"$root/lock"
	flock 9
	"$nsd" -v >/dev/null 2>&1 && exec 9>&- && return
	(cd "$root/packages" && apt-get download $packages >"$root/download.log" 2>&1) ||
		fail "the package nsd could not be downloaded; install it or check apt"
	for package in "$root"/packages/*.deb; do
		dpkg-deb -x "$package" "$root"
	done
	LD_LIBRARY_PATH=$(find "$root/usr/lib" -name '*.so*' -exec dirname {} \; | sort -u | tr '\n' ':')
	"$nsd" -v >/dev/null 2>&1 || fail "the unpacked nsd does not run: $("$nsd" -v 2>&1 | head -3)"
	exec 9>&-
}

origin_of() {
	awk '$1 == "$ORIGIN" { print $2; exit }' "$1"
}

# Port numbers as the kernel writes them, so that no tool is needed to see who listens.
listens() {
	grep -qi "0100007F:$(printf %04X "$1") 00000000:0000" /proc/net/udp
}

start() {
	zone=$1 port=$2 dir=$3
	[ -r "$zone" ] || fail "cannot read $zone"
	fetch
	listens "$port" && fail "somebody already listens on 127.0.0.1 port $port"
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	cp "$zone" "$dir/zone"
	origin=$(origin_of "$zone")
	cat >"$dir/nsd.conf" <<-CONF
		server:
		    ip-address: 127.0.0.1@$port
		    username: ""
		    chroot: ""
		    zonesdir: "$dir"
		    pidfile: "$dir/pid"
		    xfrdfile: "$dir/xfrd.state"
		    xfrdir: "$dir"
		    zonelistfile: "$dir/zone.list"
		    database: ""
		    logfile: "$dir/log"
		    server-count: 1
		    rrl-ratelimit: 0
		remote-control:
		    control-enable: no
		zone:
		    name: "${origin:-.}"
		    zonefile: "$dir/zone"
	CONF
	"$nsd" -d -c "$dir/nsd.conf" >"$dir/output" 2>&1 </dev/null &
	echo $! >"$dir/started"
	i=0
	until listens "$port"; do
		i=$((i + 1))
		kill -0 "$(cat "$dir/started")" 2>/dev/null || i=600
		[ $i -lt 600 ] || fail "nsd did not start: $(tail -3 "$dir/log" "$dir/output" 2>/dev/null)"
		sleep 0.05
	done
	# A zone that does not parse leaves a server that only says SERVFAIL.
	! grep -q 'error:' "$dir/log" || fail "the zone does not load: $(grep 'error:' "$dir/log" | head -3)"
}

stop() {
	[ -r "$1/started" ] || return 0
	pid=$(cat "$1/started")
	kill "$pid" 2>/dev/null || true
	i=0
	while kill -0 "$pid" 2>/dev/null && [ $i -lt 100 ]; do
		i=$((i + 1))
		sleep 0.05
	done
	rm -f "$1/started"
}

case ${1:-} in
start) [ $# -eq 4 ] || fail "usage: nsd.sh start ZONEFILE PORT DIR"; start "$2" "$3" "$4" ;;
stop) [ $# -eq 2 ] || fail "usage: nsd.sh stop DIR"; stop "$2" ;;
fetch) fetch ;;
*) fail "usage: nsd.sh start ZONEFILE PORT DIR | stop DIR | fetch" ;;
esac
