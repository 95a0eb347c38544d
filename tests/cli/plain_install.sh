# make install: every file in its place, none of them naming the folder it was staged in; a stranger's
# program builds against what is installed; systemd finds nothing wrong with the unit; make uninstall
# leaves nothing.
quiet_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$root" "$@" >make.out 2>&1
	claim $? "make $*: $(tail -1 make.out)"
}
stage=$PWD/stage
quiet_make install "DESTDIR=$stage" PREFIX=/opt/rundbrief
(cd stage && find . -type f | sort) >found
cat >wanted <<'END'
./opt/rundbrief/bin/rundbrief
./opt/rundbrief/lib/librundbrief.a
./opt/rundbrief/lib/pkgconfig/rundbrief.pc
./opt/rundbrief/lib/rundbrief/bench_rsa
./opt/rundbrief/lib/rundbrief/bench_sockets
./opt/rundbrief/lib/systemd/system/rundbrief.service
./opt/rundbrief/lib/sysusers.d/rundbrief.conf
./opt/rundbrief/share/doc/rundbrief/LICENSE
./opt/rundbrief/share/doc/rundbrief/README.md
./opt/rundbrief/share/doc/rundbrief/rundbrief.conf
END
(cd "$root" && ls bench/*.py bench/scenarios/*.conf tests/live/rig.py tests/live/pg.sh tests/live/nsd.sh |
	grep -v -e rtt.py -e tls_cost.py -e scaling_model.py -e record.py | sed 's|^|./opt/rundbrief/share/rundbrief/|') >>wanted
(cd "$root/include" && find rundbrief -name '*.h' | sed 's|^|./opt/rundbrief/include/|') >>wanted
sort -o wanted wanted
cmp -s found wanted
claim $? "all that is to be installed is, and nothing else: $(comm -3 found wanted | tr '\n' ' ')"
! grep -rqF "$stage" stage/opt/rundbrief/lib/systemd stage/opt/rundbrief/lib/pkgconfig
claim $? "nothing installed names the folder it was staged in"
grep -qF 'ExecStart=/opt/rundbrief/bin/rundbrief serve' stage/opt/rundbrief/lib/systemd/system/rundbrief.service
claim $? "the unit starts the program where it will be"
program=$stage/opt/rundbrief/bin/rundbrief
run 0 help
quiet_make uninstall "DESTDIR=$stage" PREFIX=/opt/rundbrief
[ -z "$(find stage -type f)" ]
claim $? "make uninstall takes all of it away"

there=$PWD/there
quiet_make install "PREFIX=$there"
flags=$(PKG_CONFIG_PATH=$there/lib/pkgconfig pkg-config --static --cflags --libs rundbrief)
cp "$root/tests/public/client.c" client.c
# shellcheck disable=SC2086
cc -std=c11 -Wall -Wextra -Werror -o client client.c $flags 2>cc.err && ./client >client.out
claim $? "a program in C builds against it and runs: $(head -1 cc.err)"
cp client.c client.cpp
# shellcheck disable=SC2086
c++ -Wall -Wextra -Werror -o client client.cpp $flags 2>cc.err && ./client | cmp -s - client.out
claim $? "one in C++ says the same: $(head -1 cc.err)"
[ "$(nm -g --defined-only "$there/lib/librundbrief.a" | grep -c ' [A-Z] ')" -gt 5 ] &&
	! nm -g --defined-only "$there/lib/librundbrief.a" | grep ' [A-Z] ' | grep -qv ' rundbrief_'
claim $? "the library has no names but its own"
"$there/bin/rundbrief" --config "$there/share/doc/rundbrief/rundbrief.conf" status >out 2>err
[ $? -ne 2 ]
claim $? "the configuration to begin with is one: $(head -1 err)"
if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify --man=no "$there/lib/systemd/system/rundbrief.service" >verify 2>&1 &&
		[ ! -s verify ]
	claim $? "systemd finds nothing wrong with the unit: $(head -1 verify)"
	# drain = 30s by default, then ENGINE_SETTLE_LIMIT: the unit waits longer.
	grep -q '^TimeoutStopSec=60s$' "$there/lib/systemd/system/rundbrief.service" &&
		"$there/bin/rundbrief" help config | grep -q 'drain .*default 30s'
	claim $? "the unit waits longer for an end than the engine takes for it"
fi
