#!/bin/sh
# deps.sh WHAT... - sees to it that the Debian packages for WHAT (build, demo, test, bench, edges, peers) are there.
# Says what it will install, installs it with apt-get (as root or through sudo) and does nothing
# when all is there. No service is started and none is left to start: while packages are
# configured, policy-rc.d refuses service starts and PostgreSQL makes no cluster of its own.
set -eu

build='gcc make pkg-config libc6-dev liburing-dev libssl-dev libc-ares-dev libopendkim-dev
	libpq-dev libmsgpack-dev libcsv-dev libjansson-dev libconfuse-dev libpcre2-dev libidn2-dev
	libgumbo-dev libipsec-mb-dev zlib1g-dev libcurl4-openssl-dev libgsasl-dev libsodium-dev
	libicu-dev'
demo='postgresql-15 libevent-2.1-7 libprotobuf-c1'
test="$demo pgbouncer libcmocka-dev python3 python3-aiosmtpd python3-dkim python3-dnspython python3-icu iproute2
	universal-ctags g++ openssl tzdata ruby ruby-liquid"
bench="$demo python3 python3-dkim openssl python3-matplotlib linux-perf"
edges='clang libclang-rt-14-dev python3'
# A Node from elsewhere brings its own npm, which Debian's would put out.
peers=
command -v node >/dev/null || peers="$peers nodejs"
command -v npm >/dev/null || peers="$peers npm"

wanted=
for what; do
	case $what in
	build) wanted="$wanted $build" ;;
	demo) wanted="$wanted $demo" ;;
	test) wanted="$wanted $test" ;;
	bench) wanted="$wanted $bench" ;;
	edges) wanted="$wanted $edges" ;;
	peers) wanted="$wanted $peers" ;;
	*) echo "deps.sh: $what is none of build, demo, test, bench, edges, peers" >&2; exit 2 ;;
	esac
done

missing=
for package in $wanted; do
	case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
	ii*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

echo "rundbrief needs these Debian packages, which are not installed yet:"
echo "$missing" | tr ' ' '\n' | sort -u | paste -sd ' ' | fold -s -w 76 | sed 's/^ */  /'
if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "Install them as root (apt-get install), then run make again." >&2
	exit 1
fi

policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf
made_policy= made_cluster=
restore() {
	[ -z "$made_policy" ] || $as_root rm -f "$policy"
	[ -z "$made_cluster" ] || $as_root sed -i '/^create_main_cluster = false # rundbrief$/d' "$cluster"
}
trap restore EXIT
trap 'exit 130' INT TERM
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
	made_policy=1
fi
get() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
}
log=$(mktemp)
$as_root apt-get update -qq
case " $missing " in
*' postgresql-15 '*)
	get postgresql-common
	echo 'create_main_cluster = false # rundbrief' | $as_root tee -a "$cluster" >/dev/null
	made_cluster=1
	;;
esac
# shellcheck disable=SC2086
get $missing
rm -f "$log"
echo "Installed."
