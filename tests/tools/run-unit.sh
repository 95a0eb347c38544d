#!/bin/sh
# Runs the unit test programs named; adds up what cmocka says and prints the failures.
passed=0 failed=0 skipped=0
for program; do
	log=$program.log
	timeout 300 "$program" >"$log" 2>&1
	status=$?
	ok=$(grep -c '^\[       OK \]' "$log")
	bad=$(grep -c '^\[  FAILED  \] [a-z]' "$log")
	missed=$(grep -c '^\[  SKIPPED \] [a-z]' "$log")
	[ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
	# cmocka lists each failure, and each skipped test, twice
	[ "$bad" -gt 1 ] && bad=$((bad / 2))
	[ "$missed" -gt 1 ] && missed=$((missed / 2))
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + missed))
	if [ $status -ne 0 ]; then
		echo "FAILED: $program (exit $status)"
		grep -v '^\[ *\(RUN\|OK\)' "$log" | head -40
	fi
done
if [ $skipped -gt 0 ]; then
	echo "unit: $passed passed, $failed failed, $skipped skipped"
else
	echo "unit: $passed passed, $failed failed"
fi
[ $failed -eq 0 ]
