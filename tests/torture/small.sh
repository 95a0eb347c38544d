#!/bin/sh
# Some of both shows, for `make test`; ends with "torture: N passed, N failed".
cd "$(dirname "$0")/../.." || exit 1
log=build/log/torture.parts
mkdir -p build/log
{
	sh tests/torture/journal.sh debug 401 0
	build/debug/torture/torture 47
} >$log 2>&1
cat $log
awk '/^(journal|torture): [0-9]+ passed, [0-9]+ failed$/ { p += $2; f += $4; n++ }
	END {
		if (n != 2) f++
		printf "torture: %d passed, %d failed\n", p, f
		exit f > 0
	}' $log
