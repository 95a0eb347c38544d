# What goes where: PREFIX, below DESTDIR. `make uninstall` takes the same files away.
HEADERS := $(wildcard include/rundbrief/*.h)
# All that the public interface needs is one object; its other names are its own affair.
LIBRARY_OBJECTS := $(patsubst %.c,build/release/%.o,$(shell grep -ls '^\#include <rundbrief/' engine/*/*.c))
build/release/librundbrief.a: $(LIBRARY_OBJECTS) build/release/libcore.a build/release/librim.a
	$(QUIET_LD)$(CC) -r -nostdlib -o build/release/library.o $(LIBRARY_OBJECTS) -Wl,--start-group \
		build/release/libcore.a build/release/librim.a -Wl,--end-group
	@objcopy --wildcard --keep-global-symbol='rundbrief_*' build/release/library.o
	@rm -f $@
	@ar rcs $@ build/release/library.o

# What `rundbrief bench` runs, in the folders that its parts find each other by.
BENCH_PARTS := $(addprefix bench/,$(addsuffix .py,campaign chart handover importing judge letter machine \
	measure results run scaling show stage)) $(wildcard bench/scenarios/*.conf) \
	$(addprefix tests/live/,rig.py pg.sh nsd.sh)
BENCH_PROGRAMS := $(addprefix build/release/bench/micro/,bench_rsa bench_sockets)

placed = sed 's|@PREFIX@|$(PREFIX)|g' $(1) > $(2) && chmod 644 $(2)
.PHONY: uninstall
install: all build/release/librundbrief.a $(BENCH_PROGRAMS)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include/rundbrief lib/pkgconfig lib/systemd/system \
		lib/sysusers.d lib/rundbrief share/doc/rundbrief share/rundbrief/bench/scenarios \
		share/rundbrief/tests/live)
	install -m 755 build/rundbrief $(DESTDIR)$(PREFIX)/bin/rundbrief
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include/rundbrief
	install -m 644 build/release/librundbrief.a $(DESTDIR)$(PREFIX)/lib/librundbrief.a
	install -m 644 engine/install/rundbrief.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/rundbrief.conf
	install -m 644 engine/install/rundbrief.conf README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/rundbrief
	install -m 755 $(BENCH_PROGRAMS) $(DESTDIR)$(PREFIX)/lib/rundbrief
	for part in $(BENCH_PARTS); do install -m 755 $$part $(DESTDIR)$(PREFIX)/share/rundbrief/$$part; done
	$(call placed,engine/install/rundbrief.pc.in,$(DESTDIR)$(PREFIX)/lib/pkgconfig/rundbrief.pc)
	$(call placed,engine/install/rundbrief.service.in,$(DESTDIR)$(PREFIX)/lib/systemd/system/rundbrief.service)
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/rundbrief lib/librundbrief.a lib/sysusers.d/rundbrief.conf \
		lib/pkgconfig/rundbrief.pc lib/systemd/system/rundbrief.service)
	rm -rf $(addprefix $(DESTDIR)$(PREFIX)/,include/rundbrief share/doc/rundbrief lib/rundbrief share/rundbrief)
