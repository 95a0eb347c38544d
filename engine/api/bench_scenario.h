/* bench_scenario.h - what `rundbrief bench` is to measure: a file of settings like every other
 * here, read by its table. This room reads and refuses; the measuring is done by the programs
 * in bench/, which get the scenario as JSON. */
#pragma once

#include <jansson.h>

#include "engine/api/keys.h"
#include "engine/base/usec.h"

enum bench_kind { BENCH_CAMPAIGN, BENCH_HANDOVER, BENCH_IMPORT, BENCH_SCALING };
enum bench_group { BENCH_USUAL, BENCH_LARGE, BENCH_NAMED };

/* provider "NAME": how some of the sites answer. */
struct bench_provider {
	str name;
	uint64_t sites, messages;
	str reject, defer;
	usec delay;
};

/* promise "FIGURE": what it must come to. */
struct bench_promise {
	str name;
	double most, least; /* 0: not said */
	int scale;
	str says;
};

struct bench_scenario {
	str name; /* of the file, without .conf */
	str shows;
	int kind, group, signing;
	uint64_t recipients, handovers, runs, warm_up, size, sites, connections, messages,
		threads, envelopes, window;
	int flight;
	bool tls;
	usec delay, latency;
	struct bench_provider *providers;
	size_t provider_count;
	struct bench_promise *promises;
	size_t promise_count;
};

extern const struct key_table bench_table;

/* 0, or -1 with "FILE:LINE: sentence". */
[[nodiscard]] int bench_scenario_read(const char *path, struct arena *,
				      struct bench_scenario *ret_scenario, char *ret_why,
				      size_t why_size);
/* Every setting under its key, sections with a title as an object of objects; NULL: out of
 * memory. */
json_t *bench_scenario_json(const struct bench_scenario *);
