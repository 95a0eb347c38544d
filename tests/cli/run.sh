#!/bin/sh
# Runs the commands as a person does and looks at what they say: tests/cli/run.sh [FILE...].
# A file is a script of claims (see lib.sh); those named db_*.sh get a private PostgreSQL.
cd "$(dirname "$0")/../.." || exit 1
program=${RUNDBRIEF:-$PWD/build/debug/rundbrief}
place=$PWD/build/cli
passed=0 failed=0
rm -rf "$place/work"
mkdir -p "$place/work"
trap 'sh tests/live/pg.sh remove "$place/pg" >/dev/null 2>&1' EXIT
trap 'exit 130' INT TERM HUP

conninfo=
for file in ${*:-tests/cli/[a-z]*_*.sh}; do
	name=$(basename "$file" .sh)
	case $name in
	db_*)
		[ -n "$conninfo" ] || conninfo=$(sh tests/live/pg.sh start "$place/pg" --fast) || exit 1
		;;
	esac
	mkdir -p "$place/work/$name"
	log=$place/work/$name.log
	(
		cd "$place/work/$name" || exit 1
		unset RUNDBRIEF_CONFIG
		program=$program conninfo=$conninfo root=$OLDPWD
		. "$root/tests/cli/lib.sh"
		. "$root/$file"
	) >"$log" 2>&1 </dev/null
	p=$(grep -c '^ok ' "$log")
	f=$(grep -c '^FAILED ' "$log")
	[ "$((p + f))" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	[ "$f" -eq 0 ] || { echo "== $file"; grep -A12 '^FAILED ' "$log"; }
done
echo "cli: $passed passed, $failed failed"
[ $failed -eq 0 ]
