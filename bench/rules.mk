# What sending costs here: `make bench` all usual scenarios, `make bench SCENARIO=name` one (or several),
# `make bench-large` the ten million. BENCH="--count 10000 --runs 1" passes options of `rundbrief bench`.
.PHONY: bench bench-large bench-ready
bench-ready:
	@sh tests/tools/deps.sh build bench
	@$(MAKE) --no-print-directory all build/release/bench/micro/bench_rsa \
		build/release/bench/micro/bench_sockets
bench: bench-ready
	@build/rundbrief bench $(SCENARIO) $(if $(SCENARIO),--out build/bench-one) $(BENCH)
bench-large: bench-ready
	@build/rundbrief bench --large --out build/large $(BENCH)
# What the last run found, as these pages show it: RESULTS.md, SCALING.md, the README at the top.
.PHONY: bench-record
bench-record:
	@/usr/bin/python3 bench/record.py build
