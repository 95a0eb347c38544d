# The live tests with the figures that the project shows; `make test` runs them smaller.
.PHONY: live show-mime show-auth show-classify show-convert show-demo show-incident show-kill9 show-lint show-mailservers \
	show-memory show-newsletters show-plan show-policy show-rtt show-servers show-tls \
	show-tls-cost show-warmup show-why bare
PYTHON := /usr/bin/python3
live: all
	@sh tests/run.sh $(notdir $(wildcard tests/live/test_*.py))
show-auth: all
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/test_auth.py 2000
show-classify: all build/release/bench/micro/bench_classify
	@$(PYTHON) tests/live/test_classify.py build/release/bench/micro/bench_classify
show-demo: all
	@$(PYTHON) tests/live/show_demo.py 100000
# The gallery's newsletters as pictures, and what a browser and a mail reader find wrong with them.
# GALLERY=--write renews the small ones in templates/gallery/pictures, --only NAME takes one letter.
.PHONY: show-gallery
show-gallery: all
	@$(PYTHON) tests/tools/show_gallery.py $(GALLERY) build/rundbrief
show-incident: all
	@$(PYTHON) tests/live/test_incident.py 20000
# Six runs of five minutes: the engine, PostgreSQL, both; KILL9="both assume 200000 200 50 800" is one.
KILL9 ?= each each 200000 200 50 800
# Readiness and watchdog by NOTIFY_SOCKET, each worker frozen in turn; reloads; ends of every kind.
.PHONY: show-service show-stops
show-service: all
	@$(PYTHON) tests/live/test_service.py 5000
# Two engines: nothing that is stopped begins a second later, ten pauses and a cancel.
show-stops: all
	@$(PYTHON) tests/live/test_stops.py 40000 10
show-kill9: all
	@$(PYTHON) tests/live/test_kill9.py $(KILL9)
# What campaign check finds on a list of a million, how long it takes, what its counts cost imports.
# Three engines on one database, killed, stopped, one gone for good; seven minutes.
.PHONY: show-nodes
show-nodes: all
	@$(PYTHON) tests/live/test_nodes.py 200000 600 30 20 300 assume
# For hours: campaigns through kills, stops and hostile servers; seeds and histories between the rounds.
HOURS ?= 1
SOAK_FIRST ?= 1
.PHONY: soak soak-sim soak-history soak-built
soak-built: all
	@$(MAKE) --no-print-directory MODE=debug build/debug/sim
	@$(MAKE) --no-print-directory MODE=release build/release/history_sim build/release/history_pg
soak: soak-built
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/soak.py $(HOURS) $(SEED)
soak-sim:
	@build/debug/sim $(SOAK_FIRST) 20
soak-history:
	@$(PYTHON) tests/history/run.py build/release $(SOAK_FIRST) 20
show-lint: all
	@$(PYTHON) tests/live/test_lint.py 1000000
# The filters date, number, money and t against zoneinfo and ICU; a minute.
.PHONY: show-locale
show-locale: all
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/test_locale.py 1
show-mailservers: all
	@$(PYTHON) tests/live/test_mailservers.py 20000
show-memory: all
	@$(PYTHON) tests/live/test_memory.py 1000000
# Real newsletters through a Postfix that takes no 8BITMIME: size, defects, items, round trip of each.
show-newsletters: all
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/test_newsletters.py
# Templates of others: what Handlebars and Mustache make of them, and what we make of the converted ones.
show-convert: all
	@$(PYTHON) tests/live/test_convert.py
# Limits of several engines on one database, together, at a server that counts.
.PHONY: show-draws
show-draws: all
	@$(PYTHON) tests/live/test_draws.py 15000 500 3
show-warmup: all
	@$(PYTHON) tests/live/test_warmup.py
# A/B: two variants, a hold-out, a winner named in the middle, the engine killed in both parts.
.PHONY: show-variants
show-variants: all
	@$(PYTHON) tests/live/test_variants.py 30000
# What top and why say of a throttled campaign, and how long answers take among a million.
show-why: all
	@$(PYTHON) tests/live/test_why.py 1000000
# A campaign that pauses by itself, waits for its window, ends when that is over, fills it evenly.
show-policy: all
	@$(PYTHON) tests/live/test_policy.py 100000
# Launching to five million: the first message, the engine's memory, what the last claims cost.
.PHONY: show-launch show-pooler show-failover show-plans show-outage
show-launch: all
	@$(PYTHON) tests/live/test_launch.py 5000000
show-pooler: all
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/test_pooler.py 50000
show-failover: all
	@$(PYTHON) tests/live/test_failover.py 20000
show-plans: all
	@$(PYTHON) tests/live/test_plans.py 1000000
# The database gone, its disk full, the journal's disk full: OUTAGE seconds each, in mid-campaign.
OUTAGE ?= 600
show-outage: all
	@$(PYTHON) tests/live/test_outage.py $(OUTAGE)
show-plan: all
	@$(PYTHON) tests/live/test_plan.py 35
show-tls: all
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/test_tls.py 20000
# Every golden message against the checklist of the message format, and letters with files and 8 bits
# as hosts of both kinds get them.
show-mime: all
	@$(PYTHON) tests/golden/mime_broken.py
	@$(PYTHON) tests/golden/mime_check.py tests/golden
	@$(PYTHON) tests/live/test_mime.py 120
# SERVERS=10000 sends so many in each mode, SERVERS="--divided 10000 exim" to one server only.
SERVERS ?= --divided 10000
show-servers: all
	@sh tests/tools/deps.sh test
	@$(PYTHON) tests/live/test_servers.py $(SERVERS)
# RTT="--seconds 60 --modes window,learn"
show-rtt: all build/release/tests/live/delay
	@sh tests/tools/deps.sh test
	@$(PYTHON) bench/rtt.py $(RTT)
# TLS_COST="--count 100000 --rounds 9"
show-tls-cost: all build/release/bench/micro/bench_rsa
	@$(PYTHON) bench/tls_cost.py $(TLS_COST)
build/release/tests/live/delay: build/release/tests/live/delay.o
	$(QUIET_LD)$(CC) $(LDFLAGS) -o $@ $<
bare:
	@sh tests/bare.sh
