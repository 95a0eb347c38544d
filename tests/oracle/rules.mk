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
