# rundbrief: `make demo` sends a campaign, `make test` proves it, `make` only builds.
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
# V=1 shows whole commands.
ifneq ($(V),1)
QUIET_CC = @echo '  CC      $<';
QUIET_LD = @echo '  LINK    $@';
endif
MODE ?= release
BUILD := build/$(MODE)

# Rooms by floor; see tests/tools/floors for the table that `make layers` checks.
PURE_ROOMS := engine/base engine/mail engine/smtp engine/shape templates
ROOMS := $(PURE_ROOMS) engine/data engine/net engine/sign engine/preflight engine/journal engine/send \
	importer engine/api bench/sink
# The five seams to the world: the simulation links others in their place.
RIM_SOURCES := $(wildcard engine/io/*.c) engine/net/resolve.c engine/net/tls.c \
	engine/net/fetch.c $(wildcard engine/store/*.c)

PACKAGES := liburing openssl libcares libpq msgpack jansson libconfuse libpcre2-8 libidn2 gumbo zlib \
	libcurl libgsasl libsodium icu-i18n icu-uc
CPPFLAGS += -I. -Iinclude -I$(BUILD)/gen -D_GNU_SOURCE $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lopendkim -lcsv -lIPSec_MB -lpthread -lm
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Werror
CFLAGS_release := -O2 -g
CFLAGS_debug := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS += -std=gnu2x $(WARNINGS) $(CFLAGS_$(MODE)) -msse4.2 -fno-strict-aliasing
LDFLAGS += $(filter -fsanitize%,$(CFLAGS_$(MODE)))

CORE_SOURCES := $(filter-out $(RIM_SOURCES) engine/main.c, \
	$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
objects = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
EMBEDDED := $(wildcard sql/*.sql sql/queries/*.sql engine/smtp/*.tsv engine/shape/*.tsv)

.SECONDARY:
.PHONY: always all deps demo test install clean debug layers pure unit unit-run talk replay cli sim
all: build/rundbrief

# The two commands. Each sees to its packages, builds and runs; nothing is left running.
N ?= 2000
demo:
	@sh tests/tools/deps.sh build demo
	@$(MAKE) --no-print-directory all
	@sh bench/demo/run.sh $(N)
test:
	@sh tests/tools/deps.sh build test
	@$(MAKE) --no-print-directory all debug
	@MAKE="$(MAKE)" sh tests/run.sh
build/rundbrief: $(BUILD)/rundbrief
	@ln -sf $(MODE)/rundbrief $@

$(BUILD)/rundbrief: $(BUILD)/engine/main.o $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

$(BUILD)/libcore.a: $(call objects,$(CORE_SOURCES)) $(BUILD)/gen/embedded.o
$(BUILD)/librim.a: $(call objects,$(RIM_SOURCES))
$(BUILD)/%.a:
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Statements, rules and provider data become bytes in the program: embedded.h declares
# embedded_find(name), the names are the paths.
$(BUILD)/gen/embedded.S: $(EMBEDDED) tests/tools/embed.sh $(BUILD)/gen/embedded.list
	@mkdir -p $(@D)
	@sh tests/tools/embed.sh $(EMBEDDED) > $@
# Their names, written only when they are others: one that was removed is missed, too.
$(BUILD)/gen/embedded.list: always
	@mkdir -p $(@D)
	@echo $(EMBEDDED) | cmp -s - $@ || echo $(EMBEDDED) > $@
always:
$(BUILD)/gen/embedded.o: $(BUILD)/gen/embedded.S
	$(QUIET_CC)$(CC) -c -o $@ $<

# One program a unit test file, against the debug build.
UNIT_TESTS := $(patsubst tests/unit/%.c,build/debug/tests/unit/%,$(wildcard tests/unit/test_*.c))
debug:
	@$(MAKE) --no-print-directory MODE=debug build/debug/rundbrief
unit:
	@$(MAKE) --no-print-directory MODE=debug unit-run
unit-run: $(UNIT_TESTS)
	@sh tests/tools/run-unit.sh $(UNIT_TESTS)
build/debug/tests/unit/%: build/debug/tests/unit/%.o build/debug/libcore.a build/debug/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group build/debug/libcore.a build/debug/librim.a -Wl,--end-group $(LIBS) -lcmocka

include tests/talk/talk.mk

layers:
	@python3 tests/tools/layers.py
pure:
	@sh tests/tools/pure.sh

include engine/install/install.mk

-include tests/cli/rules.mk tests/live/rules.mk bench/rules.mk bench/micro/rules.mk bench/peers/rules.mk tests/sim/rules.mk tests/fuzz/rules.mk tests/oracle/rules.mk tests/torture/rules.mk tests/history/rules.mk

# A root that a killed test left mounted is taken away first: /dev stands in it.
clean:
	@sed -n 's|^[^ ]* \($(CURDIR)/build/[^ ]*\) .*|\1|p' /proc/self/mounts | sort -r | xargs -r umount
	rm -rf --one-file-system build

-include $(shell find build/$(MODE) -name '*.d' 2>/dev/null)
