#!/bin/sh
# A PostgreSQL cluster of one's own: unix socket only, no TCP, nothing of the machine's touched.
#
#   pg.sh start DIR [--fast]    makes it when missing, starts it, prints the conninfo
#   pg.sh conninfo DIR          prints it again
#   pg.sh stop DIR              stops it; the data stays
#   pg.sh remove DIR            stops it and removes it
#
# Started as root it runs as postgres (or nobody): PostgreSQL refuses to run as root. Where that
# user cannot reach DIR, or the socket's path would be too long, the cluster lives in a folder
# under /var/tmp, and DIR/pg-place says where. --fast gives durability up (fsync off), for tests;
# without it every durable setting stays at its default.
set -eu

say() {
	echo "pg.sh: $*" >&2
}

fail() {
	say "$*"
	exit 1
}

find_programs() {
	for bin in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
		[ -x "$bin/initdb" ] && return
	done
	bin=$(dirname "$(command -v initdb 2>/dev/null || echo /nonexistent/x)")
	[ -x "$bin/initdb" ] || fail "no PostgreSQL here: install the package postgresql"
}

# As the user the cluster belongs to, in a folder that user can be in.
as_user() {
	if [ -n "$user" ]; then
		(cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
			env HOME=/ LC_ALL=C.UTF-8 "$@")
	else
		env LC_ALL=C.UTF-8 "$@"
	fi
}

choose_user() {
	user=
	if [ "$(id -u)" = 0 ]; then
		user=nobody
		! id postgres >/dev/null 2>&1 || user=postgres
	fi
}

# 107 bytes is what a socket's path may take; its file name takes 14 of them.
usable() {
	[ ${#1} -le 85 ] || return 1
	[ -z "$user" ] || as_user test -x "$1"
}

choose_place() {
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	if [ -f "$dir/pg-place" ]; then
		place=$(cat "$dir/pg-place")
	elif usable "$dir"; then
		place=$dir/pg
	else
		place=$(mktemp -d /var/tmp/rundbrief-pg.XXXXXX)
	fi
	echo "$place" >"$dir/pg-place"
}

initialise() {
	mkdir -p "$place/socket"
	chmod 700 "$place" "$place/socket"
	[ -z "$user" ] || chown "$user" "$place" "$place/socket"
	as_user "$bin/initdb" -D "$place/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$place/initdb.log" 2>&1 ||
		fail "initdb failed: $(tail -n 3 "$place/initdb.log")"
	as_user sh -c "cat >>'$place/data/postgresql.conf'" <<-END
		listen_addresses = ''
		unix_socket_directories = '$place/socket'
		unix_socket_permissions = 0700
		max_wal_size = 2GB
		shared_buffers = 256MB
		log_min_messages = warning
	END
	if [ "$fast" = 1 ]; then
		echo "fsync = off" | as_user sh -c "cat >>'$place/data/postgresql.conf'"
	fi
}

running() {
	as_user "$bin/pg_ctl" -D "$place/data" status >/dev/null 2>&1
}

conninfo() {
	echo "host=$place/socket user=postgres dbname=rundbrief"
}

start() {
	[ -f "$place/data/PG_VERSION" ] || initialise
	running || as_user "$bin/pg_ctl" -D "$place/data" -l "$place/server.log" -w -t 60 start \
		>/dev/null 2>&1 || fail "PostgreSQL did not start: $(tail -n 3 "$place/server.log")"
	if ! "$bin/psql" -h "$place/socket" -U postgres -d postgres -Atqc \
		"select 1 from pg_database where datname = 'rundbrief'" | grep -q 1; then
		"$bin/createdb" -h "$place/socket" -U postgres rundbrief
	fi
	conninfo
}

stop() {
	[ -f "$dir/pg-place" ] || return 0
	running || return 0
	as_user "$bin/pg_ctl" -D "$place/data" -w -t 60 -m fast stop >/dev/null 2>&1 ||
		fail "PostgreSQL in $place did not stop"
}

remove() {
	stop
	case $place in
	*/pg | /var/tmp/rundbrief-pg.*) rm -rf "$place" "$dir/pg-place" ;;
	*) fail "will not remove $place" ;;
	esac
}

[ $# -ge 2 ] || fail "usage: pg.sh start|conninfo|stop|remove DIR [--fast]"
command=$1 dir=$2 fast=0
[ "${3:-}" != --fast ] || fast=1
case $command in
start | conninfo | stop | remove) ;;
*) fail "no such command: $command" ;;
esac
if [ "$command" != start ] && [ ! -f "$dir/pg-place" ]; then
	exit 0
fi
find_programs
choose_user
choose_place
$command
