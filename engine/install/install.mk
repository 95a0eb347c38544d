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

placed = sed 's|@PREFIX@|$(PREFIX)|g' $(1) > $(2) && chmod 644 $(2)
.PHONY: uninstall
install: all build/release/librundbrief.a
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include/rundbrief lib/pkgconfig lib/systemd/system \
		lib/sysusers.d share/doc/rundbrief)
	install -m 755 build/rundbrief $(DESTDIR)$(PREFIX)/bin/rundbrief
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include/rundbrief
	install -m 644 build/release/librundbrief.a $(DESTDIR)$(PREFIX)/lib/librundbrief.a
	install -m 644 engine/install/rundbrief.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/rundbrief.conf
	install -m 644 engine/install/rundbrief.conf README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/rundbrief
	$(call placed,engine/install/rundbrief.pc.in,$(DESTDIR)$(PREFIX)/lib/pkgconfig/rundbrief.pc)
	$(call placed,engine/install/rundbrief.service.in,$(DESTDIR)$(PREFIX)/lib/systemd/system/rundbrief.service)
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/rundbrief lib/librundbrief.a lib/sysusers.d/rundbrief.conf \
		lib/pkgconfig/rundbrief.pc lib/systemd/system/rundbrief.service)
	rm -rf $(DESTDIR)$(PREFIX)/include/rundbrief $(DESTDIR)$(PREFIX)/share/doc/rundbrief
