# Generated templates against Debian's ruby-liquid. `make oracle` runs some, `make show-liquid-oracle`
# 20,000 (ORACLE_CASES=, ORACLE_SEED=).
ORACLE_CASES ?= 20000
ORACLE_SEED ?= 1
.PHONY: oracle show-liquid-oracle
oracle: build/release/tests/oracle/liquid_ours
	@/usr/bin/python3 tests/oracle/liquid_oracle.py $< 2000 2
show-liquid-oracle: build/release/tests/oracle/liquid_ours
	@sh tests/tools/deps.sh test
	@/usr/bin/python3 tests/oracle/liquid_oracle.py $< $(ORACLE_CASES) $(ORACLE_SEED)
build/release/tests/oracle/liquid_ours: build/release/tests/oracle/liquid_ours.o \
		build/release/libcore.a build/release/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group build/release/libcore.a \
		build/release/librim.a -Wl,--end-group $(LIBS)

# The golden templates rendered again: no memory from the heap, and no allocator in these rooms.
.PHONY: show-liquid-heap show-liquid-heap-run
show-liquid-heap:
	@$(MAKE) --no-print-directory pure | tail -1
	@$(MAKE) --no-print-directory MODE=debug show-liquid-heap-run
show-liquid-heap-run: build/debug/tests/unit/test_liquid_heap
	@sh tests/tools/run-unit.sh $< && grep 'golden templates' $<.log
