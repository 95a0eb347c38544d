#!/bin/sh
# unbound.sh - a validating resolver (Debian's unbound) in front of a signed zone, for tests of
# DNSSEC and DANE; everything in the user's own folder.
#   unbound.sh start SIGNED PLAIN PORT PORT2 PORT3 DIR
#       signs the zone file SIGNED with a key made for it, which unbound trusts, and serves it and
#       PLAIN, which stays unsigned, by nsd on 127.0.0.1 PORT2 and PORT3; unbound answers on PORT.
#       Both files begin with $ORIGIN. What an attacker would do: a record of a name with "bogus"
#       in it that ends in 6 is made to end in 7 after signing.
#   unbound.sh stop DIR
#   unbound.sh fetch     only makes sure that unbound is there
# Installed programs are used; otherwise the packages are unpacked under build/roots/unbound, so
# that no service starts and nothing of the machine changes.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
root=$here/build/roots/unbound
packages="unbound ldnsutils libldns3 libevent-2.1-7 libnghttp2-14 libprotobuf-c1 libpython3.11"

fail() {
	echo "unbound.sh: $*" >&2
	exit 1
}

libraries() {
	find "$root/usr/lib" -name '*.so*' -exec dirname {} \; 2>/dev/null | sort -u | tr '\n' ':'
}

runs() {
	"$unbound" -V >/dev/null 2>&1 && "$keygen" -v >/dev/null 2>&1
}

fetch() {
	unbound=/usr/sbin/unbound keygen=/usr/bin/ldns-keygen signzone=/usr/bin/ldns-signzone
	! runs || return 0
	unbound=$root$unbound keygen=$root$keygen signzone=$root$signzone
	LD_LIBRARY_PATH=$(libraries)
	export LD_LIBRARY_PATH
	! runs || return 0
	mkdir -p "$root/packages"
	# shellcheck disable=SC2086
	(cd "$root/packages" && apt-get download $packages >"$root/download.log" 2>&1) ||
		fail "the package unbound could not be downloaded; install it or check apt"
	for package in "$root"/packages/*.deb; do
		dpkg-deb -x "$package" "$root"
	done
	LD_LIBRARY_PATH=$(libraries)
	runs || fail "the unpacked unbound does not run: $("$unbound" -V 2>&1 | head -3)"
}

origin_of() {
	awk '$1 == "$ORIGIN" { print $2; exit }' "$1"
}

listens() {
	grep -qi "0100007F:$(printf %04X "$1") 00000000:0000" /proc/net/udp
}

sign() {
	origin=$(origin_of "$1")
	(cd "$dir" && "$keygen" -a ECDSAP256SHA256 -k "$origin" >key-name) ||
		fail "no key for $origin could be made"
	key=$dir/$(cat "$dir/key-name")
	"$signzone" -f "$dir/signed" "$1" "$key" >"$dir/sign.log" 2>&1 ||
		fail "the zone cannot be signed: $(head -3 "$dir/sign.log")"
	{
		echo "\$ORIGIN $origin"
		sed '/RRSIG/!s/^\([^[:space:]]*bogus.*\)6$/\17/' "$dir/signed"
	} >"$dir/signed.zone"
}

configure() {
	cat >"$dir/unbound.conf" <<-CONF
		server:
		    interface: 127.0.0.1
		    port: $1
		    do-ip6: no
		    do-daemonize: no
		    username: ""
		    chroot: ""
		    directory: "$dir"
		    pidfile: "$dir/pid"
		    use-syslog: no
		    num-threads: 1
		    do-not-query-localhost: no
		    local-zone: "test." nodefault
		    module-config: "validator iterator"
		    trust-anchor-file: "$key.key"
		remote-control:
		    control-enable: no
		stub-zone:
		    name: "$origin"
		    stub-addr: 127.0.0.1@$2
		stub-zone:
		    name: "."
		    stub-addr: 127.0.0.1@$3
	CONF
}

start() {
	mkdir -p "$6"
	dir=$(cd "$6" && pwd)
	rm -f "$dir"/K*
	fetch
	listens "$3" && fail "somebody already listens on 127.0.0.1 port $3"
	sign "$1"
	configure "$3" "$4" "$5"
	"$here/tests/live/nsd.sh" start "$dir/signed.zone" "$4" "$dir/nsd-signed"
	"$here/tests/live/nsd.sh" start "$2" "$5" "$dir/nsd-plain"
	"$unbound" -d -c "$dir/unbound.conf" >"$dir/output" 2>&1 </dev/null &
	echo $! >"$dir/started"
	i=0
	until listens "$3"; do
		i=$((i + 1))
		kill -0 "$(cat "$dir/started")" 2>/dev/null || i=100
		[ $i -lt 100 ] || fail "unbound did not start: $(tail -3 "$dir/output")"
		sleep 0.05
	done
}

stop() {
	for part in nsd-signed nsd-plain; do
		"$here/tests/live/nsd.sh" stop "$1/$part"
	done
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

usage='unbound.sh start SIGNED PLAIN PORT PORT2 PORT3 DIR | stop DIR | fetch'
case ${1:-} in
start) [ $# -eq 7 ] || fail "usage: $usage"; shift; start "$@" ;;
stop) [ $# -eq 2 ] || fail "usage: $usage"; stop "$2" ;;
fetch) fetch ;;
*) fail "usage: $usage" ;;
esac
