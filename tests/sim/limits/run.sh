#!/bin/sh
# No path above any limit: runs the seeds on all cores, then the mutant, which must be caught:
# tests/sim/limits/run.sh SEEDS.
cd "$(dirname "$0")/../../.." || exit 1
seeds=${1:-10000}
chunk=$((seeds / 20 + 1))
dir=build/release/limits-log
rm -rf $dir && mkdir -p $dir
trap 'exit 130' INT TERM

first=1
while [ $first -le "$seeds" ]; do
	left=$((seeds - first + 1))
	echo $first $((left < chunk ? left : chunk))
	first=$((first + chunk))
done | xargs -P "$(nproc)" -L 1 sh -c \
	'timeout 1800 build/release/limits "$1" "$2" >"$0/$1" 2>&1' $dir
bad=$?
grep -h -A1 -e '^seed' -e 'assertion-failed' $dir/*

# A limit that nothing ever came to proves nothing.
hits=$(cat $dir/* | tr ' ' '\n' | sed -n 's/^\([a-z-]*\)=\([0-9]*\)$/\1 \2/p' |
	awk '{ hits[$1] += $2 } END { for (k in hits) print k "=" hits[k] }' | sort)
echo "arrivals at a limit, by kind, and what else was seen:"
echo "$hits" | paste -sd ' ' | fold -s -w 100
never=$(echo "$hits" | grep '=0$')
[ -z "$never" ] || { echo "FAILED: never met: $never"; bad=1; }

passed=$(cat $dir/* | awk '/^limits: / { n += $2 } END { print n + 0 }')
failed=$((seeds - passed))
if timeout 600 build/release/canary_limits 1 100 >$dir/canary 2>&1; then
	echo "FAILED: the canary (limits wider than a path are not looked at) went unnoticed"
	failed=$((failed + 1))
else
	echo "the canary (no look at wider limits) is caught: $(grep -m1 '^seed' $dir/canary)"
	passed=$((passed + 1))
fi
[ $bad -eq 0 ] || [ $failed -gt 0 ] || failed=1
echo "limits: $passed passed, $failed failed"
[ $failed -eq 0 ]
