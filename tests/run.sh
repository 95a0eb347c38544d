#!/bin/sh
# Runs every suite and adds up: tests/run.sh [SUITE...]. A suite is a make target or a live test;
# each ends with a line "NAME: N passed, N failed[, N skipped]". A suite that ends badly without
# such a line counts as one failure. The last line is "N passed, N failed".
#
# Most live tests wait more than they compute, so several rows run beside each other: what computes (one
# make at a time), the tests that share the roots of mail servers, the commands, and all other live
# tests one after another in two rows, the longest first.
roots='test_servers.py test_auth.py test_mailservers.py test_newsletters.py test_relays.py test_tls.py'
longest='test_kill9.py test_engine.py test_plan.py test_plans.py test_service.py test_failover.py test_nodes.py
	test_two_engines.py test_warmup.py test_policy.py test_bad_input.py test_outage.py test_upgrade.py'
# `make sim` alone runs more seeds.
SEEDS=${SEEDS:-2000}
export SEEDS
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/log
sums=build/log/sums
[ "$1" = one ] || : >$sums

run_one() {
	suite=$1 log=build/log/$1.log
	began=$(date +%s)
	case $suite in
	*.py) timeout 3600 /usr/bin/python3 "tests/live/$suite" >"$log" 2>&1 </dev/null ;;
	*) timeout 3600 "${MAKE:-make}" --no-print-directory "$suite" >"$log" 2>&1 </dev/null ;;
	esac
	status=$?
	line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
	p=$(echo "$line" | sed -n 's/.*[^0-9]\{0,1\}\b\([0-9][0-9]*\) passed.*/\1/p')
	f=$(echo "$line" | sed -n 's/.* \([0-9][0-9]*\) failed.*/\1/p')
	s=$(echo "$line" | sed -n 's/.* \([0-9][0-9]*\) skipped.*/\1/p')
	p=${p:-0} f=${f:-0} s=${s:-0}
	if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	{
		printf '%-24s %5d passed %4d failed %4d skipped  %4d s\n' "$suite" "$p" "$f" "$s" \
			$(($(date +%s) - began))
		if [ "$f" -ne 0 ]; then
			echo "---- the end of $log:"
			grep -E 'FAILED|failed|error|Error|ERROR' "$log" | grep -v ' 0 failed' | head -20
			tail -25 "$log"
			echo "----"
		fi
	} >"$log.said"
	cat "$log.said"
	rm -f "$log.said"
	echo "$p $f $s" >>$sums
}

row() {
	for suite; do
		run_one "$suite"
	done
}

if [ "$1" = one ]; then
	run_one "$2"
	exit
elif [ $# -gt 0 ]; then
	wanted=$#
	row "$@"
else
	computing='layers pure unit oracle talk replay sim history settlement crowd torture tsan internets limits'
	others=$(cd tests/live && ls test_*.py | grep -vxF "$(echo "$roots" "$longest" | tr -s ' \t' '\n')")
	# shellcheck disable=SC2086
	wanted=$(set -- cli $computing $roots $longest $others && echo $#)
	# shellcheck disable=SC2086
	row $roots &
	row cli &
	# shellcheck disable=SC2086
	printf '%s\n' $longest $others | xargs -n 1 -P 2 sh tests/run.sh one &
	# shellcheck disable=SC2086
	row $computing
	wait
fi

# A suite that never reported is one that failed.
awk -v wanted="$wanted" '{ p += $1; f += $2; s += $3 }
	END {
		f += wanted - NR
		if (s) printf "%d skipped: what they need is not on this machine\n", s
		printf "%d passed, %d failed\n", p, f
		exit f > 0 || NR == 0
	}' $sums
