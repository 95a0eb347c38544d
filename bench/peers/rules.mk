# What others cost beside us; PEERS="--only postfix,nodemailer --pairs 1" measures some of it.
.PHONY: bench-peers
bench-peers:
	@sh tests/tools/deps.sh build bench peers
	@$(MAKE) --no-print-directory all build/release/bench/micro/bench_rsa
	@/usr/bin/python3 bench/peers/compare.py $(PEERS)
