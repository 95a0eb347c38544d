#!/bin/sh
# Runs the replay programs named, each over its corpus; ends with `replay: N passed, N failed`.
mutations=$1 passed=0 failed=0
shift
for program; do
	name=$(basename "$program")
	if timeout 120 "$program" "$mutations" "tests/fuzz/corpus/$name" >"$program.log" 2>&1; then
		echo "ok      $(tail -1 "$program.log")"
		passed=$((passed + 1))
	else
		echo "FAILED: $program ($?)"
		grep -v '^ *$' "$program.log" | head -30
		failed=$((failed + 1))
	fi
done
echo "replay: $passed passed, $failed failed"
[ $failed -eq 0 ]
