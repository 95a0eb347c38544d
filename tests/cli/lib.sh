# Claims about one command: run it with the exit code it should have, then look at what it said.
#   run CODE ARGUMENT...        standard input is the file `in` when there is one
#   prints TEXT, tells TEXT     that standard output, standard error holds the text
#   is TEXT                     that standard output is the text, trailing line ends apart
#   quiet                       that standard error is empty
last=
: >out; : >err

claim() { # 0 or 1, sentence
	if [ "$1" -eq 0 ]; then
		echo "ok $2"
	else
		echo "FAILED $2"
		echo "   after: rundbrief $last"
		echo "   out: $(head -c 600 out)"
		echo "   err: $(head -c 600 err)"
	fi
}

run() {
	want=$1
	shift
	last="$*"
	[ -e in ] || : >in
	timeout 60 "$program" "$@" <in >out 2>err
	code=$?
	rm -f in
	[ $code -eq "$want" ]
	claim $? "$* ends with $want (was $code)"
}

prints() {
	grep -qF -e "$1" out
	claim $? "prints '$1'"
}

never_prints() {
	! grep -qF -e "$1" out err
	claim $? "does not print '$1'"
}

tells() {
	grep -qF -e "$1" err
	claim $? "tells '$1'"
}

is() {
	[ "$(cat out)" = "$1" ]
	claim $? "output is '$1'"
}

quiet() {
	[ ! -s err ]
	claim $? "standard error is empty"
}

is_json() {
	/usr/bin/python3 -c 'import json, sys; json.load(open("out"))' >/dev/null 2>&1
	claim $? "output is JSON"
}

# Runs a statement against the test's database.
sql() {
	psql -XAtq -v ON_ERROR_STOP=1 "$conninfo" -c "$1"
}

free_port() {
	PYTHONPATH=$root/tests/live /usr/bin/python3 -c 'import rig; print(rig.free_port())'
}
