# The simulation: the engine with other objects in place of the four seams, in the debug build;
# and bugs planted into it, each of which must be noticed.
SEEDS ?= 1000
# Everything but what plays one kind of world or another: its driver and its hosts.
SIM_SEAMS := $(filter-out tests/sim/sim.c tests/sim/host.c tests/sim/seed% tests/sim/scenario%, \
	$(wildcard tests/sim/*.c))
SIM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/sim/scenario%,$(wildcard tests/sim/*.c)))

$(BUILD)/sim: $(SIM_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -Wl,--wrap=fdatasync -o $@ $(SIM_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

# Bugs planted into the real code, see mutants.txt: all, or those of MUTANTS.
MUTANT_SEEDS ?= 2000
MUTANTS ?=
.PHONY: mutants show-mutants
mutants: $(BUILD)/sim $(BUILD)/limits
	@CC="$(CC)" CPPFLAGS="$(CPPFLAGS)" CFLAGS="$(CFLAGS)" LDFLAGS="$(LDFLAGS) -Wl,--wrap=fdatasync" LIBS="$(LIBS)" \
		OBJECTS="$(SIM_OBJECTS)" LIMITS_OBJECTS="$(LIMITS_OBJECTS)" sh tests/sim/mutants.sh $(BUILD) $(MUTANT_SEEDS) $(MUTANTS)
show-mutants:
	@$(MAKE) --no-print-directory MODE=release mutants

# Named internets, in both builds: MODE=debug build/debug/scenario.
SCENARIO_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(SIM_SEAMS) $(wildcard tests/sim/scenario*.c))
$(BUILD)/scenario: $(SCENARIO_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(SCENARIO_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)

SCENARIO_SEEDS ?= 5
.PHONY: sim show-sim scenario show-internets internets
scenario:
	@$(MAKE) --no-print-directory MODE=release build/release/scenario
show-internets: scenario
	@build/release/scenario all 1 $(SCENARIO_SEEDS)
internets: scenario
	@build/release/scenario all 1 1
sim:
	@$(MAKE) --no-print-directory MODE=debug build/debug/sim
	@sh tests/sim/mutants.sh build/debug 0
	@sh tests/sim/run.sh build/debug $(SEEDS)
	@$(MAKE) --no-print-directory MODE=debug MUTANTS=mark-skipped mutants
show-sim:
	@$(MAKE) --no-print-directory MODE=release build/release/sim
	@sh tests/sim/run.sh build/release $(if $(filter file,$(origin SEEDS)),100000,$(SEEDS))

# Forecasts against facts: the hosts of the named internets, and a driver of its own.
PLAN_SEEDS ?= 20
SHOW_PLAN_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,tests/sim/plan/show_plan.c \
	tests/sim/scenario_host.c \
	$(SIM_SEAMS))
$(BUILD)/show_plan: $(SHOW_PLAN_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(SHOW_PLAN_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)
.PHONY: show-plan-sim
show-plan-sim: $(BUILD)/show_plan
	@$(BUILD)/show_plan 1 $(PLAN_SEEDS)

# No path above any limit: hosts that count, a driver of its own; and its mutant, in which limits
# wider than a path are not looked at, which must fail.
LIMITS_SEEDS ?= 10000
LIMITS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/limits/*.c) \
	$(SIM_SEAMS))
$(BUILD)/limits: $(LIMITS_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(LIMITS_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)
$(BUILD)/tests/sim/canary_flow.o: engine/send/carrier_flow.c
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(CPPFLAGS) $(CFLAGS) -DRUNDBRIEF_CANARY_NO_QUOTA -MMD -MP -c -o $@ $<
$(BUILD)/canary_limits: $(LIMITS_OBJECTS) $(BUILD)/tests/sim/canary_flow.o $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(LIMITS_OBJECTS) $(BUILD)/tests/sim/canary_flow.o -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS)
.PHONY: show-limits limits limits-built
limits-built:
	@$(MAKE) --no-print-directory MODE=release build/release/limits build/release/canary_limits
show-limits: limits-built
	@sh tests/sim/limits/run.sh $(LIMITS_SEEDS)
limits: limits-built
	@sh tests/sim/limits/run.sh 100

# Ten campaigns on one provider: shares by weight, transactional mail before all.
SHARES_SEEDS ?= 20
SHARES_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/shares/*.c) \
	$(SIM_SEAMS))
$(BUILD)/shares: $(SHARES_OBJECTS) $(BUILD)/libcore.a $(BUILD)/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(SHARES_OBJECTS) -Wl,--start-group $(BUILD)/libcore.a $(BUILD)/librim.a -Wl,--end-group $(LIBS) -lm
.PHONY: show-shares shares-built
shares-built:
	@$(MAKE) --no-print-directory MODE=release build/release/shares
show-shares: shares-built
	@build/release/shares 1 $(SHARES_SEEDS)
