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
	-fno-sanitize-recover=all -fno-omit-frame-pointer
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
