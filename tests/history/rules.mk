# Generated histories, played against the real store and the simulated one.
HISTORY_COMMON := $(filter-out tests/history/side_% tests/history/proxy.c,$(filter-out tests/history/prove% tests/history/main.c,$(wildcard tests/history/*.c)))
HISTORY_PG_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(HISTORY_COMMON) tests/history/proxy.c $(wildcard tests/history/side_pg*.c))
HISTORY_PG_PROGRAMS := $(BUILD)/history_pg $(BUILD)/prove_crowd
$(BUILD)/history_pg: $(BUILD)/tests/history/main.o
$(BUILD)/prove_crowd: $(BUILD)/tests/history/prove_crowd.o
$(HISTORY_PG_PROGRAMS): $(HISTORY_PG_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

HISTORY_SETTLE_OBJECTS := $(patsubst %,$(BUILD)/tests/history/%.o,prove_settle prove prove_obstacle proxy)
$(BUILD)/prove_settle: $(HISTORY_SETTLE_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(HISTORY_SETTLE_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

HISTORY_SIM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(HISTORY_COMMON) tests/history/main.c tests/history/side_sim.c \
	$(wildcard tests/sim/sim_store*.c) $(addprefix tests/sim/,sim_tables.c sim_variants.c world.c world_life.c))
$(BUILD)/history_sim: $(HISTORY_SIM_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(HISTORY_SIM_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

HISTORIES ?= 10000
HISTORY_FIRST ?= 1
.PHONY: history show-history settlement show-settlement crowd show-crowd history-built crowd-built
history-built:
	@$(MAKE) --no-print-directory MODE=release build/release/history_sim build/release/history_pg
history: history-built
	@/usr/bin/python3 tests/history/run.py build/release 1 200
show-history: history-built
	@/usr/bin/python3 tests/history/run.py build/release $(HISTORY_FIRST) $(HISTORIES)

# Settled once or many times, cut and killed anywhere; engines that are processes, all at once.
CROWDS ?= 20
settlement show-settlement:
	@$(MAKE) --no-print-directory MODE=release build/release/prove_settle
	@build/release/prove_settle
crowd-built:
	@$(MAKE) --no-print-directory MODE=release build/release/prove_crowd
	@mkdir -p build/log
crowd: crowd-built
	@build/release/prove_crowd 1 2 3
show-crowd: crowd-built
	@build/release/prove_crowd 1 $(CROWDS) 5
