#!/bin/sh
# Runs the seeds on all cores, then the canary, which must be caught: tests/sim/run.sh SEEDS
cd "$(dirname "$0")/../.." || exit 1
seeds=${1:-1000}
cores=$(nproc)
share=$(((seeds + cores - 1) / cores))
export ASAN_OPTIONS=detect_leaks=0 # a killed engine leaves its memory, as a killed process does
dir=build/debug/sim-log
rm -rf $dir && mkdir -p $dir
pids=
trap 'kill $pids 2>/dev/null; exit 130' INT TERM
i=0
while [ $i -lt "$cores" ]; do
	first=$((1 + i * share)) count=$share
	[ $((first + count - 1)) -le "$seeds" ] || count=$((seeds - first + 1))
	timeout 3000 build/debug/sim $first $count >$dir/$i 2>&1 &
	pids="$pids $!"
	i=$((i + 1))
done
bad=0
for pid in $pids; do
	wait "$pid" || bad=1
done
cat $dir/*

# Hits of all shares together: a kind of fault or state that never struck proves nothing.
never=$(cat $dir/* | tr ' ' '\n' | sed -n 's/^\([a-z0-9-]*\)=\([0-9]*\)$/\1 \2/p' |
	awk '{ hits[$1] += $2 } END { for (k in hits) if (hits[k] == 0) print k }')
[ -z "$never" ] || { echo "FAILED: never met: $never"; bad=1; }

passed=$(awk '/^sim: / { n += $2 } END { print n + 0 }' $dir/*)
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
