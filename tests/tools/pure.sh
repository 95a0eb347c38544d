#!/bin/sh
# Links floors 0 and 1 alone and looks at what they ask of the world: bytes may be copied,
# compared, searched and formatted; nothing may be allocated, timed, sent or printed.
# Everything allowed stands here and nowhere else; the names with many underscores are arithmetic
# on 128 bits that the compiler spells as calls.
allowed='
memcpy memmove memcmp memset memchr memrchr memmem strlen strchr
snprintf vsnprintf __snprintf_chk __vsnprintf_chk
abort __stack_chk_fail
__divti3 __udivti3 __modti3 __umodti3 __divtf3 __multf3 __floattitf __trunctfdf2
idn2_to_ascii_8z idn2_free
floor ceil round trunc fmod pow fabs log10 strtod
_GLOBAL_OFFSET_TABLE_
'
cd "$(dirname "$0")/../.." || exit 1
build=build/release
rooms=$(awk '!/^#/ && $1 <= 1 && $2 != "include" {print $2}' tests/tools/floors)
objects=
for room in $rooms; do
	for file in "$room"/*.c; do
		[ -f "$file" ] && objects="$objects $build/${file%.c}.o"
	done
done
# shellcheck disable=SC2086
${MAKE:-make} -s --no-print-directory MODE=release $objects $build/gen/embedded.o || exit 1
ld -r -o $build/pure.o $objects $build/gen/embedded.o || exit 1

foreign=0
for symbol in $(nm -u $build/pure.o | awk '{print $NF}'); do
	case " $(echo $allowed) " in
	*" $symbol "*) continue ;;
	esac
	foreign=$((foreign + 1))
	echo "$symbol may not be asked for, but is by$(for o in $objects; do
		nm -u "$o" | grep -qw "$symbol" && printf ' %s' "${o#$build/}"
	done)"
done
count=$(echo "$objects" | wc -w)
if [ $foreign -ne 0 ]; then
	echo "pure: 0 passed, $foreign failed"
	exit 1
fi
echo "$count objects of floors 0 and 1 ask for nothing but" \
	"$(nm -u $build/pure.o | awk '{print $NF}' | tr '\n' ' ')"
echo "pure: $count passed, 0 failed"
