#!/bin/sh
# Plants each bug of mutants.txt (or those named) into the real code and runs the simulation until
# it is noticed: tests/sim/mutants.sh BUILD SEEDS [NAME...]. CC, CPPFLAGS, CFLAGS, LDFLAGS and LIBS are
# the build's own, OBJECTS the simulation's, LIMITS_OBJECTS those of the one with wider limits. With
# SEEDS = 0 it only looks whether each still finds its place.
# MUTANT_KEEP=1 leaves the programs in BUILD/tests/sim/mutants.
cd "$(dirname "$0")/../.." || exit 1
build=$1 seeds=$2
shift 2
dir=$build/tests/sim/mutants
began=$(date +%s)
chunk=50
caught=0 missed=0 placed=0
rm -rf "$dir" && mkdir -p "$dir"
trap 'exit 130' INT TERM

fail() {
	echo "FAILED: $name $1"
	missed=$((missed + 1))
}

# All the changes of a bug, file by file, each of which must find its place.
plant() {
	left=$1 file= objects=$OBJECTS
	while [ -n "$left" ]; do
		case $left in
		*" | "*) one=${left%% | *} left=${left#* | } ;;
		*) one=$left left= ;;
		esac
		if [ "$one" = limits ]; then
			objects=$LIMITS_OBJECTS
			continue
		fi
		if [ -f "$one" ]; then
			file=$one changed=$dir/$name/$(basename "$one")
			cp "$file" "$changed"
			continue
		fi
		sed -E "$one" "$changed" >"$changed.next" || return 1
		cmp -s "$changed" "$changed.next" && return 1
		mv "$changed.next" "$changed"
	done
}

# Ahead of the libraries, whose own objects of that name are then not taken.
build() {
	for source in "$dir/$name"/*.c; do
		# shellcheck disable=SC2086
		$CC $CPPFLAGS $CFLAGS -Wno-error -w -c -o "${source%.c}.o" "$source" || return 1
	done
	# shellcheck disable=SC2086
	$CC $LDFLAGS -o "$dir/$name/sim" $objects "$dir/$name"/*.o -Wl,--start-group \
		"$build/libcore.a" "$build/librim.a" -Wl,--end-group $LIBS
}

# So many seeds, up to the first that fails.
try() {
	SIM_ONLY=1 SIM_FIRST=1 timeout 300 "$dir/$name/sim" "$1" "$2" >"$dir/$name/log" 2>&1
}

# A seed that fails, or an assertion, which does not tell its seed; an end without a word is none.
hunt() {
	seed=1
	while [ $seed -le "$seeds" ] && try $seed $chunk; do
		seed=$((seed + chunk))
	done
	if [ $seed -le "$seeds" ] && grep -aq 'assertion' "$dir/$name/log"; then
		last=$((seed + chunk))
		while [ $seed -lt $last ] && try $seed 1; do
			seed=$((seed + 1))
		done
	fi
	said=$(grep -a -m1 -e '^seed' -e 'assertion' "$dir/$name/log" | cut -c1-150)
	if [ $seed -gt "$seeds" ]; then
		fail "went unnoticed in $seeds seeds"
	elif [ -z "$said" ]; then
		fail "ended without a word, or not within 300 s, in the $chunk seeds from $seed on"
	else
		case $said in seed*) ;; *) said="seed $seed at $said" ;; esac
		printf '%-26s caught: %s\n' "$name" "$said"
		caught=$((caught + 1))
	fi
}

grep '^[a-z]' tests/sim/mutants.txt >"$dir/list"
while IFS= read -r line; do
	name=${line%% | *}
	case " $* " in "  " | *" $name "*) ;; *) continue ;; esac
	mkdir "$dir/$name"
	if ! plant "${line#* | }"; then
		fail "changes nothing in $file any more: correct tests/sim/mutants.txt"
	elif [ "$seeds" -eq 0 ]; then
		placed=$((placed + 1))
	elif ! build; then
		fail "cannot be built"
	else
		hunt
	fi
	[ -n "$MUTANT_KEEP" ] || rm -rf "${dir:?}/$name"
done <"$dir/list"
if [ "$seeds" -eq 0 ]; then
	echo "mutants: $placed of $((placed + missed)) find their place"
	[ $missed -eq 0 ] && [ $placed -gt 0 ]
	exit
fi
echo "mutants: $caught caught of $((caught + missed)), in $(($(date +%s) - began)) s"
echo "mutants: $caught passed, $missed failed"
[ $missed -eq 0 ] && [ $caught -gt 0 ]
