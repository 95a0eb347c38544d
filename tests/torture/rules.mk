# What fails is made to fail on purpose here; see README.md.
TORTURE_SIM := $(patsubst %.c,$(BUILD)/%.o,tests/torture/small.c tests/sim/host.c $(SIM_SEAMS))
$(BUILD)/torture/make_journal: $(BUILD)/tests/torture/make_journal.o $(TORTURE_SIM) $(BUILD)/libcore.a $(BUILD)/librim.a
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

# Recovery over every beginning of a real journal: the store and the loop stand in cuts.c itself.
$(BUILD)/torture/cuts: $(BUILD)/tests/torture/cuts.o $(BUILD)/tests/torture/instant_io.o $(BUILD)/libcore.a $(BUILD)/librim.a
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

# Show 5, whole; and the small form of it in `make torture`.
JOURNAL_STEP ?= 1
JOURNAL_FUZZ ?= 3000000
.PHONY: show-journal
show-journal:
	@$(MAKE) --no-print-directory MODE=debug build/debug/tests/fuzz/journal
	@$(MAKE) --no-print-directory MODE=release build/release/torture/make_journal build/release/torture/cuts
	@$(MAKE) --no-print-directory all
	@sh tests/torture/journal.sh release $(JOURNAL_STEP) $(JOURNAL_FUZZ)
	@/usr/bin/python3 tests/torture/show_cuts.py

# The n-th call fails, for every n: copies of the engine's archives in which its calls go through
# shim.c (calls.syms names them). In the debug build, so that ASan and UBSan look on.
$(BUILD)/torture/%.a: $(BUILD)/%.a tests/torture/calls.syms
	@mkdir -p $(@D)
	@objcopy --redefine-syms=tests/torture/calls.syms $< $@
$(BUILD)/torture/torture: $(BUILD)/tests/torture/torture.o $(BUILD)/tests/torture/shim.o $(TORTURE_SIM) $(BUILD)/torture/libcore.a $(BUILD)/torture/librim.a
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(BUILD)/torture/libcore.a $(BUILD)/torture/librim.a -Wl,--end-group $(LIBS)

TORTURE_STEP ?= 1
.PHONY: show-torture torture
show-torture:
	@$(MAKE) --no-print-directory MODE=debug build/debug/torture/torture
	@build/debug/torture/torture $(TORTURE_STEP)
torture:
	@$(MAKE) --no-print-directory MODE=debug build/debug/torture/torture \
		build/debug/torture/make_journal build/debug/torture/cuts
	@sh tests/torture/small.sh

# Between real threads, under ThreadSanitizer: what they share, and the whole engine.
LANES_OBJECTS := $(patsubst %,build/tsan/%.o,tests/torture/lanes engine/base/lane engine/base/arena \
	engine/base/assert engine/base/log engine/base/str engine/base/buf engine/io/clock engine/io/doorbell engine/io/heap)
build/tsan/torture/lanes: $(LANES_OBJECTS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $^ -lpthread
LANES_ROUNDS ?= 2000
.PHONY: tsan show-tsan
tsan:
	@$(MAKE) --no-print-directory MODE=tsan build/tsan/torture/lanes
	@TSAN_OPTIONS=halt_on_error=1 build/tsan/torture/lanes $(LANES_ROUNDS)
TSAN_RECIPIENTS ?= 3000
show-tsan:
	@$(MAKE) --no-print-directory MODE=tsan build/tsan/rundbrief
	@$(MAKE) --no-print-directory all
	@/usr/bin/python3 tests/torture/show_tsan.py $(TSAN_RECIPIENTS)

# The same for the program as it is installed, its libraries included: real PostgreSQL, real TLS.
$(BUILD)/torture/preload.so: tests/torture/preload.c
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(CPPFLAGS) -std=gnu2x -O2 -fPIC -shared -Wall -Wextra -Werror -o $@ $< -ldl
PRELOAD_SAMPLES ?= 15
.PHONY: show-torture-live
show-torture-live:
	@$(MAKE) --no-print-directory all $(BUILD)/torture/preload.so
	@/usr/bin/python3 tests/torture/show_preload.py $(BUILD)/torture/preload.so $(PRELOAD_SAMPLES)
