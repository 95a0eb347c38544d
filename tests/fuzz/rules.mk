# Fuzzers. `make replay` feeds each its seeds and mutations of them that are the same in every run
# (gcc, ASan, UBSan); `make fuzz FUZZ=mail_header SECONDS=60` lets clang's libFuzzer look for more.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(patsubst %,build/debug/tests/fuzz/%,$(FUZZERS))
MUTATIONS ?= 3000
SECONDS ?= 60

.PHONY: replay replay-run fuzz fuzz-run
replay:
	@$(MAKE) --no-print-directory MODE=debug replay-run
replay-run: $(REPLAYS)
	@sh tests/fuzz/replay.sh $(MUTATIONS) $(REPLAYS)
.SECONDARY: $(patsubst %,build/debug/tests/fuzz/fuzz_%.o,$(FUZZERS)) build/debug/tests/fuzz/replay.o
build/debug/tests/fuzz/%: build/debug/tests/fuzz/fuzz_%.o build/debug/tests/fuzz/replay.o \
		build/debug/libcore.a build/debug/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group build/debug/libcore.a \
		build/debug/librim.a -Wl,--end-group $(LIBS)

# libFuzzer needs clang (packages clang and libclang-rt-14-dev) and objects of its own.
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -DMESSAGE_SHARED_SIZE=40
fuzz:
	@test -n "$(FUZZ)" || { echo "make fuzz FUZZ=NAME [SECONDS=60]; names: $(FUZZERS)"; exit 2; }
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang WARNINGS= fuzz-run
fuzz-run: build/fuzz/tests/fuzz/$(FUZZ)
	@mkdir -p build/fuzz/found/$(FUZZ)
	$< -max_total_time=$(SECONDS) -timeout=10 -max_len=16384 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/found/$(FUZZ)- build/fuzz/found/$(FUZZ) tests/fuzz/corpus/$(FUZZ)
build/fuzz/tests/fuzz/%: build/fuzz/tests/fuzz/fuzz_%.o build/fuzz/libcore.a build/fuzz/librim.a
	$(QUIET_LD)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $< -Wl,--start-group build/fuzz/libcore.a \
		build/fuzz/librim.a -Wl,--end-group $(LIBS)

# The client's fuzzers until ten million steps of dialogue were made without a finding.
STEPS ?= 10000000
.PHONY: show-fuzz show-fuzz-run show-edges show-edges-run
show-fuzz:
	@$(MAKE) --no-print-directory MODE=debug show-fuzz-run
show-fuzz-run: build/debug/tests/fuzz/smtp_session build/debug/tests/fuzz/smtp_client
	@python3 tests/fuzz/show_fuzz.py $(STEPS)

# How much of engine/smtp its fuzzers reach. clang counts edges; a failing ASSERT is none, so it
# is compiled out of what is counted (base/assert.h lets it). EDGES=--missing lists what is left.
EDGE_MUTATIONS ?= 100000
EDGE_FUZZERS := smtp_client smtp_session smtp_server reply classify
CFLAGS_edges := -O0 -g -fno-pie
EDGE_SOURCES := $(wildcard engine/base/*.c engine/mail/*.c engine/smtp/*.c) tests/fuzz/edges.c
show-edges:
	@sh tests/tools/deps.sh build edges
	@$(MAKE) --no-print-directory MODE=edges CC=clang WARNINGS= show-edges-run
show-edges-run: build/edges/tests/fuzz/edges
	@python3 tests/fuzz/show_edges.py $< $(EDGE_MUTATIONS) $(EDGES)
build/edges/engine/smtp/%.o: CFLAGS += -fsanitize-coverage=inline-8bit-counters,pc-table \
	'-DASSERT(claim)=((void)sizeof(claim))' '-DUNREACHABLE()=__builtin_unreachable()'
build/edges/tests/fuzz/fuzz_%.o: CFLAGS += -DLLVMFuzzerTestOneInput=entry_$(notdir $*) \
	-Dfuzz_step_count=steps_$(notdir $*)
build/edges/tests/fuzz/edges: $(patsubst %.c,build/edges/%.o,$(EDGE_SOURCES)) \
		$(patsubst %,build/edges/tests/fuzz/fuzz_%.o,$(EDGE_FUZZERS)) build/edges/gen/embedded.o
	$(QUIET_LD)$(CC) -no-pie -o $@ $^ $(LIBS)

# Templates and data from anybody: FUZZ_RUNS executions of the parser's fuzzer and of the renderer's.
# A mode of its own for the pace: edges are counted in templates/ alone, and comparisons are not
# traced, which took a third of the time and found little that liquid_parser.dict does not say.
FUZZ_RUNS ?= 50000000
LIQUID_FUZZERS := build/liquidfuzz/tests/fuzz/liquid_parser build/liquidfuzz/tests/fuzz/liquid_render
CFLAGS_liquidfuzz := -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DARENA_GUARDS
.PHONY: show-fuzz-liquid show-fuzz-liquid-run
show-fuzz-liquid:
	@sh tests/tools/deps.sh build edges
	@$(MAKE) --no-print-directory MODE=liquidfuzz CC=clang WARNINGS= show-fuzz-liquid-run
show-fuzz-liquid-run: $(LIQUID_FUZZERS)
	@python3 tests/fuzz/show_liquid.py $(FUZZ_RUNS) $(LIQUID_FUZZERS)
build/liquidfuzz/templates/%.o: CFLAGS += -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp
build/liquidfuzz/liquid.a: $(patsubst %.c,build/liquidfuzz/%.o,$(wildcard engine/base/*.c \
		engine/mail/*.c templates/*.c))
	$(QUIET_LD)$(AR) rcs $@ $^
build/liquidfuzz/tests/fuzz/%: build/liquidfuzz/tests/fuzz/fuzz_%.o build/liquidfuzz/liquid.a
	$(QUIET_LD)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ -lm
.SECONDARY: $(patsubst %,build/liquidfuzz/tests/fuzz/fuzz_%.o,liquid_parser liquid_render)
