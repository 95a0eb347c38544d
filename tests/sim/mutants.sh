#!/bin/sh
# Plants each bug of mutants.txt (or those named) into the real code and runs the simulation until
# it is noticed: tests/sim/mutants.sh BUILD SEEDS [NAME...]. CC, CPPFLAGS, CFLAGS, LDFLAGS, LIBS and
# OBJECTS are the build's own.
cd "$(dirname "$0")/../.." || exit 1
build=$1 seeds=$2
shift 2
dir=$build/tests/sim/mutants
mkdir -p "$dir"
caught=0 missed=0
trap 'exit 130' INT TERM

# All the changes of a bug, one after the other, each of which must find its place.
change() {
	from=$1 left=$2
	while [ -n "$left" ]; do
		case $left in
		*" | "*) one=${left%% | *} left=${left#* | } ;;
		*) one=$left left= ;;
		esac
		sed -E "$one" "$from" >"$3.next" || return 1
		cmp -s "$from" "$3.next" && return 1
		mv "$3.next" "$3"
		from=$3
	done
}

grep '^[a-z]' tests/sim/mutants.txt >"$dir/list"
while IFS= read -r line; do
	name=${line%% | *}
	rest=${line#* | }
	file=${rest%% | *}
	case " $* " in "  " | *" $name "*) ;; *) continue ;; esac
	if ! change "$file" "${rest#* | }" "$dir/$name.c"; then
		echo "FAILED: $name changes nothing in $file any more: correct tests/sim/mutants.txt"
		missed=$((missed + 1))
		continue
	fi
	# shellcheck disable=SC2086
	if ! $CC $CPPFLAGS $CFLAGS -Wno-error -w -c -o "$dir/$name.o" "$dir/$name.c" ||
		! $CC $LDFLAGS -o "$dir/$name" $OBJECTS "$dir/$name.o" -Wl,--start-group \
			"$build/libcore.a" "$build/librim.a" -Wl,--end-group $LIBS; then
		echo "FAILED: $name cannot be built"
		missed=$((missed + 1))
		continue
	fi
	seed=1
	while [ $seed -le "$seeds" ]; do
		SIM_ONLY=1 SIM_FIRST=1 timeout 300 "$dir/$name" $seed 50 >"$dir/$name.log" 2>&1 || break
		seed=$((seed + 50))
	done
	said=$(grep -a -m1 -e '^seed' -e 'assertion' "$dir/$name.log" | cut -c1-150)
	if [ $seed -gt "$seeds" ]; then
		echo "FAILED: $name went unnoticed in $seeds seeds"
		missed=$((missed + 1))
	elif [ -z "$said" ]; then
		echo "FAILED: $name ended without a word, or not within 300 s, from seed $seed on"
		missed=$((missed + 1))
	else
		printf '%-26s caught: %s\n' "$name" "$said"
		caught=$((caught + 1))
	fi
	[ -n "$MUTANT_KEEP" ] || rm -f "$dir/$name" "$dir/$name.o"
done <"$dir/list"
echo "mutants: $caught passed, $missed failed"
[ $missed -eq 0 ]
