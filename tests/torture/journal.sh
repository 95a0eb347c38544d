#!/bin/sh
# The journal against everything that may have happened to its bytes: journal.sh BUILD STEP RUNS.
# Its fuzzer first, RUNS inputs; then recovery over every STEP-th beginning of a journal that an
# engine wrote, and with bits turned over. Ends with a line "journal: N passed, N failed".
build=build/$1 step=$2 runs=$3 passed=0 failed=0
cd "$(dirname "$0")/../.." || exit 1
shelf=/dev/shm
[ -w $shelf ] || shelf=/tmp
folder=$(mktemp -d $shelf/rundbrief-written.XXXXXX) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

if [ "$runs" -gt 0 ]; then
	fuzzer=build/debug/tests/fuzz/journal
	if timeout 3000 $fuzzer "$runs" tests/fuzz/corpus/journal >"$folder.log" 2>&1; then
		echo "fuzzer: $(tail -1 "$folder.log")"
		passed=1
	else
		tail -20 "$folder.log"
		failed=1
	fi
	rm -f "$folder.log"
fi
"$build/torture/make_journal" "$folder/journal" 60 || exit 1
timeout 3000 "$build/torture/cuts" "$folder/journal" "$step" | tee "$folder/cuts"
line=$(grep '^cuts: [0-9]* passed, [0-9]* failed' "$folder/cuts")
p=$(echo "$line" | sed -n 's/^cuts: \([0-9]*\) passed.*/\1/p')
f=$(echo "$line" | sed -n 's/.*, \([0-9]*\) failed.*/\1/p')
echo "journal: $((passed + ${p:-0})) passed, $((failed + ${f:-1})) failed"
[ $((failed + ${f:-1})) -eq 0 ]
