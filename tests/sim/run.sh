#!/bin/sh
# Runs the seeds on all cores, a few at a time: tests/sim/run.sh BUILD SEEDS. What was done counts,
# even where a machine is too slow for all of it.
cd "$(dirname "$0")/../.." || exit 1
build=$1 seeds=${2:-1000}
chunk=25
[ "$seeds" -lt 10000 ] || chunk=250
dir=$build/sim-log
rm -rf "$dir" && mkdir -p "$dir"
trap 'exit 130' INT TERM

began=$(date +%s)
first=1
while [ $first -le "$seeds" ]; do
	left=$((seeds - first + 1))
	echo $first $((left < chunk ? left : chunk))
	first=$((first + chunk))
done | xargs -P "$(nproc)" -L 1 sh -c \
	'timeout 900 "$1/sim" "$2" "$3" >"$0/$2" 2>&1' "$dir" "$build"
bad=$?
took=$(($(date +%s) - began))
grep -h -A40 -e '^seed' "$dir"/* | head -200
grep -h -A2 -e 'assertion-failed' -e 'ERROR: ' "$dir"/* | head -50

# Hits of all chunks together: a kind of fault, state or point that never struck proves nothing.
hits=$(cat "$dir"/* | tr ' ' '\n' | sed -n 's/^\([a-z0-9-]*\)=\([0-9]*\)$/\1 \2/p' |
	awk '{ hits[$1] += $2 } END { for (k in hits) print k "=" hits[k] }' | sort)
echo "hits of faults, states, points at which a process may die, and deaths there:"
echo "$hits" | paste -sd ' ' | fold -s -w 100
# Of the many calls of the database not each is died at in a short run; of each kind, somewhere. And a
# death that leaves a void in the journal comes once in a thousand seeds.
never=$(echo "$hits" | grep '=0$' | grep -v '^died-\(before\|after\|answered\)-\|^voided=')
[ "$seeds" -lt 10000 ] || never=$(echo "$hits" | grep '=0$')
[ -z "$never" ] || { echo "FAILED: never met: $never"; bad=1; }

passed=$(cat "$dir"/* | awk '/^sim: / { n += $2 } END { print n + 0 }')
failed=$((seeds - passed))
grep -h '^oldest word' "$dir"/* | sort -t: -k2 -n | tail -1
echo "$seeds seeds in $took s: $(awk "BEGIN { printf \"%.3f\", $took * $(nproc) / $seeds }") s of a core each"
[ $bad -eq 0 ] || [ $failed -gt 0 ] || failed=1
echo "sim: $passed passed, $failed failed"
[ $failed -eq 0 ]
