# `make bench-micro` prints what single steps cost; included by the Makefile at the top.
.PHONY: bench-micro
MICRO := $(patsubst %.c,build/release/%,$(wildcard bench/micro/bench_*.c))
bench-micro: $(MICRO)
	@for program in $(filter-out %/bench_sockets,$(MICRO)); do echo "== $$program"; $$program || exit 1; done
build/release/bench/micro/bench_%: build/release/bench/micro/bench_%.o \
		build/release/libcore.a build/release/librim.a
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group build/release/libcore.a \
		build/release/librim.a -Wl,--end-group $(LIBS)

# Whether a message is made in the time promised: a share of an RSA-2048 signature's.
.PHONY: show-render
show-render: build/release/bench/micro/bench_message
	@build/release/bench/micro/bench_message

# Links rewritten, tokens forged, and what tokens cost beside a signature.
.PHONY: show-links show-links-run
show-links: build/release/bench/micro/bench_token build/release/bench/micro/bench_rsa
	@$(MAKE) --no-print-directory MODE=debug show-links-run
show-links-run: build/debug/tests/unit/test_links_readers
	@/usr/bin/python3 tests/golden/show_links.py $< build/release/bench/micro/bench_token \
		build/release/bench/micro/bench_rsa
