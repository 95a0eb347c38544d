#!/bin/sh
# proxy.sh - real proxies (Debian's microsocks and haproxy) for tests, in the user's own folder.
#   proxy.sh socks PORT DIR [USER PASSWORD]   SOCKS5 on 127.0.0.1:PORT, with a login if one is given
#   proxy.sh haproxy PORT DIR                 takes PROXY headers on 127.0.0.1:PORT and connects to
#                                             the destination that they name
#   proxy.sh stop DIR
# Both return when the proxy listens. Installed programs are used; otherwise the packages are
# unpacked under build/roots/proxy, so that no service starts and nothing of the machine changes.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
root=$here/build/roots/proxy

fail() {
	echo "proxy.sh: $*" >&2
	exit 1
}

libraries() {
	find "$root/usr/lib" -name '*.so*' -exec dirname {} \; 2>/dev/null | sort -u | tr '\n' ':'
}

# fetch PROGRAM PACKAGE...: sets program to one that can be run.
fetch() {
	name=$1
	shift
	for program in "/usr/sbin/$name" "/usr/bin/$name"; do
		[ ! -x "$program" ] || return 0
	done
	program=$(ls "$root/usr/sbin/$name" "$root/usr/bin/$name" 2>/dev/null | head -1)
	if [ -z "$program" ]; then
		mkdir -p "$root/$name"
		(cd "$root/$name" && apt-get download "$@" >"$root/$name.log" 2>&1) ||
			fail "the package $name could not be downloaded; install it or check apt"
		for package in "$root/$name"/*.deb; do
			dpkg-deb -x "$package" "$root"
		done
		program=$(ls "$root/usr/sbin/$name" "$root/usr/bin/$name" 2>/dev/null | head -1)
		[ -n "$program" ] || fail "the package holds no $name"
	fi
	LD_LIBRARY_PATH=$(libraries)
	export LD_LIBRARY_PATH
}

# Port numbers as the kernel writes them; 0A: listening.
listens() {
	grep -qi "0100007F:$(printf %04X "$1") 00000000:0000 0A" /proc/net/tcp
}

# run PORT DIR COMMAND...
run() {
	port=$1 dir=$2
	shift 2
	! listens "$port" || fail "somebody already listens on 127.0.0.1 port $port"
	"$@" >"$dir/output" 2>&1 </dev/null &
	echo $! >"$dir/started"
	i=0
	until listens "$port"; do
		i=$((i + 1))
		kill -0 "$(cat "$dir/started")" 2>/dev/null || i=200
		[ $i -lt 200 ] || fail "$1 did not start: $(tail -3 "$dir/output")"
		sleep 0.05
	done
}

socks() {
	mkdir -p "$2"
	fetch microsocks microsocks
	run "$1" "$2" "$program" -i 127.0.0.1 -p "$1" ${3:+-u "$3" -P "$4"}
}

haproxy() {
	mkdir -p "$2"
	fetch haproxy haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
	cat >"$2/haproxy.cfg" <<-CONF
		defaults
		    mode tcp
		    timeout connect 5s
		    timeout client 60s
		    timeout server 60s
		listen out
		    bind 127.0.0.1:$1 accept-proxy
		    server there 0.0.0.0:0
	CONF
	run "$1" "$2" "$program" -db -f "$2/haproxy.cfg"
}

stop() {
	[ -r "$1/started" ] || return 0
	pid=$(cat "$1/started")
	kill "$pid" 2>/dev/null || true
	i=0
	while kill -0 "$pid" 2>/dev/null && [ $i -lt 200 ]; do
		i=$((i + 1))
		sleep 0.05
	done
	rm -f "$1/started"
}

usage="usage: proxy.sh socks PORT DIR [USER PASSWORD] | haproxy PORT DIR | stop DIR"
case ${1:-}:$# in
socks:3 | socks:5 | haproxy:3) "$@" ;;
stop:2) stop "$2" ;;
*) fail "$usage" ;;
esac
