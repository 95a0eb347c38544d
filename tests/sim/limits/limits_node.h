/* limits_node.h - one engine of a seed, over all its lives: what befalls it, and what it may mark. */
#pragma once

#include "engine/send/tuning.h"
#include "tests/sim/drive.h"
#include "tests/sim/limits/limits.h"

enum limits_state {
	LIMITS_DOWN, /* starts at starts_at */
	LIMITS_UP,
	LIMITS_DRAINING,
	LIMITS_DONE,
};

struct limits_node {
	struct engine *engine;
	struct sim_life *life;
	enum limits_state state;
	unsigned index, crash_count;
	bool restarts;     /* draining only to start again */
	bool lapsed;       /* has been silent for longer than its lease */
	bool edits_are_new; /* limits bind what was marked under others */
	usec starts_at, wake;
	usec crash_at, pause_at, stop_at; /* USEC_NEVER: not */
	char name[16], journal[160];
	struct source sources[LIMITS_SOURCES];
	struct engine_settings settings;
	struct tunings tunings;
	struct tuning edited[LIMITS_EDITS];
	size_t marked_before[LIMITS_NAMED + LIMITS_EDITS * LIMITS_NAMED + 64];
};

struct limits_seen {
	uint64_t marks, crashes, reloads, pauses, stops, lapses;
};
extern struct limits_seen limits_seen;

/* Settings are the caller's, but for what is the engine's own: name, journal, sources, room. */
void limits_node_begin(struct world *, struct limits_node *, unsigned index,
		       const struct limits_plan *, const struct engine_settings *);
/* False: the seed has failed. */
[[nodiscard]] bool limits_node_step(struct world *, struct limits_node *);
/* All of a configuration at once, as `rundbrief serve` takes it on SIGHUP; when it has it. */
usec limits_node_reload(struct limits_node *, const struct limits_plan *, const struct rules *);
/* It is to end for good. */
void limits_node_end(struct limits_node *);
