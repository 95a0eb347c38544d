#!/bin/sh
# Runs the seeds on all cores, a few at a time, then the canary, which must be caught:
# tests/sim/run.sh SEEDS. What was done counts, even where a machine is too slow for all of it.
cd "$(dirname "$0")/../.." || exit 1
seeds=${1:-1000}
chunk=25
dir=build/debug/sim-log
rm -rf $dir && mkdir -p $dir
trap 'exit 130' INT TERM

first=1
while [ $first -le "$seeds" ]; do
	left=$((seeds - first + 1))
	echo $first $((left < chunk ? left : chunk))
	first=$((first + chunk))
done | xargs -P "$(nproc)" -L 1 sh -c 'timeout 900 build/debug/sim "$1" "$2" >"$0/$1" 2>&1' $dir
bad=$?
grep -h -A2 -e '^seed' -e 'assertion-failed' -e 'ERROR: ' $dir/*

# Hits of all chunks together: a kind of fault or state that never struck proves nothing.
hits=$(cat $dir/* | tr ' ' '\n' | sed -n 's/^\([a-z0-9-]*\)=\([0-9]*\)$/\1 \2/p' |
	awk '{ hits[$1] += $2 } END { for (k in hits) print k "=" hits[k] }' | sort)
echo "hits of faults and states:"
echo "$hits" | paste -sd ' ' | fold -s -w 100
never=$(echo "$hits" | grep '=0$')
[ -z "$never" ] || { echo "FAILED: never met: $never"; bad=1; }

passed=$(cat $dir/* | awk '/^sim: / { n += $2 } END { print n + 0 }')
failed=$((seeds - passed))
if timeout 600 build/debug/canary 1 200 >$dir/canary 2>&1; then
	echo "FAILED: the canary (no mark before the dot) went unnoticed"
	failed=$((failed + 1))
else
	echo "the canary (no mark before the dot) is caught: $(grep -m1 '^seed' $dir/canary)"
	passed=$((passed + 1))
fi
[ $bad -eq 0 ] || [ $failed -gt 0 ] || failed=1
echo "sim: $passed passed, $failed failed"
[ $failed -eq 0 ]
