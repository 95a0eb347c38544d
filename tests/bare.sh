#!/bin/sh
# What a fresh machine lacks: a Debian 12 with nothing but git and make, a clone of this project in
# it, and both commands. tests/bare.sh [DIR]; DIR (build/roots/bare) is made anew each time.
#
# Needs root and debootstrap. The mirror is the one this machine's apt uses. All mounts live in a
# mount namespace of this script's own and are gone when it ends, however it ends. ../shared is
# taken along where there is one, so that the tests of its corpus run too.
set -eu
cd "$(dirname "$0")/.."
top=$PWD

if [ "$(id -u)" -ne 0 ]; then
	echo "tests/bare.sh needs root: it makes a Debian of its own and enters it." >&2
	exit 1
fi
if ! command -v debootstrap >/dev/null; then
	echo "tests/bare.sh needs debootstrap: apt-get install debootstrap" >&2
	exit 1
fi
if [ "${RUNDBRIEF_BARE:-}" != inside ]; then
	RUNDBRIEF_BARE=inside exec unshare --mount --propagation private sh tests/bare.sh "$@"
fi

mkdir -p "${1:-build/roots/bare}"
root=$(cd "${1:-build/roots/bare}" && pwd)
log=$top/build/log
mkdir -p "$log"

# The first Debian archive in apt's lists, of either format.
mirror_of_apt() {
	cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
		sed -n 's/^URIs: *\([^ ]*\).*/\1/p' | grep '/debian/\{0,1\}$' | head -1
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb  *\(\[[^]]*\]  *\)\{0,1\}\([^ ]*\).*/\2/p' | grep '/debian/\{0,1\}$' | head -1
}

make_root() {
	mirror=$(mirror_of_apt | head -1)
	[ -n "$mirror" ] || { echo "bare.sh: no Debian mirror in apt's sources" >&2; exit 1; }
	rm -rf --one-file-system "$root"
	mkdir -p "$root"
	include=git,make
	case $mirror in
	https:*) include=$include,ca-certificates ;;
	esac
	debootstrap --variant=minbase --include="$include" bookworm "$root" "$mirror" \
		>"$log/bare-root.log" 2>&1 || { tail -5 "$log/bare-root.log" >&2; exit 1; }
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	apt-config dump 2>/dev/null | grep '^Acquire::https\{0,1\}::Proxy ' >"$root/etc/apt/apt.conf.d/proxy" || true
}

mount_world() {
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/dev/shm"
}

take_project() {
	mkdir -p "$root/src"
	git clone -q --no-hardlinks "file://$top" "$root/src/rundbrief"
	[ ! -d "$top/../shared" ] || cp -r "$top/../shared" "$root/src/shared"
}

# As a person would: a shell, a PATH, nothing else of this machine's environment.
inside() { # command, time limit in seconds
	timeout "$2" chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 sh -c "cd /src/rundbrief && $1"
}

passed=0 failed=0
claim() { # status, sentence
	if [ "$1" -eq 0 ]; then
		echo "ok      $2"
		passed=$((passed + 1))
	else
		echo "FAILED  $2"
		failed=$((failed + 1))
	fi
}

# Runs a command inside; its output goes to a log, its end is shown.
step() { # name, command, time limit in seconds
	status=0
	began=$(date +%s)
	inside "$2" "$3" >"$log/bare-$1.log" 2>&1 </dev/null || status=$?
	echo "---- the end of $log/bare-$1.log:"
	tail -12 "$log/bare-$1.log"
	echo "----"
	claim $status "$2 ends with $status after $(($(date +%s) - began)) s"
}

make_root
mount_world
take_project
echo "A Debian 12 with $(chroot "$root" dpkg-query -W | wc -l) packages, git and make among them"
step demo "make demo" 1200
report=$root/src/rundbrief/var/demo/report.json
adds_up=0
grep -q '"state":"finished".*"open":0,"holds":true' "$report" 2>/dev/null || adds_up=1
claim $adds_up "the demo's report: finished, and every number adds up"
step test "make test" 3600
green=0
tail -1 "$log/bare-test.log" | grep -Eq '^[0-9]+ passed, 0 failed' || green=1
claim $green "make test: $(tail -1 "$log/bare-test.log")"
for name in postgres nsd master exim4 rundbrief; do
	left=$(pgrep -x "$name" 2>/dev/null | while read -r pid; do
		[ "$(readlink "/proc/$pid/root")" != "$root" ] || echo "$pid"
	done)
	is_left=0
	[ -z "$left" ] || is_left=1
	claim $is_left "nothing is left running: $name $left"
done
echo "bare: $passed passed, $failed failed"
[ $failed -eq 0 ]
