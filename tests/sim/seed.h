/* seed.h - one seed: one to three engines, a campaign, and what befalls them. */
#pragma once

#include "tests/sim/drive.h"
#include "tests/sim/world.h"

enum node_state {
	NODE_DOWN,     /* starts at starts_at */
	NODE_UP,
	NODE_DRAINING, /* ends in order */
	NODE_DONE,     /* has heard that the campaign is finished, and ended */
	NODE_GONE,     /* never comes back, nor does its journal */
};

/* One engine, over all its lives. */
struct node {
	struct engine *engine;
	struct sim_life *life;
	enum node_state state;
	unsigned index, deaths;
	bool serves; /* whatever runs; else the one newsletter */
	bool durable;
	bool restarts; /* draining only to start again */
	usec starts_at, stops_at, trouble_at;
	usec pauses_by; /* it is to stand still, at the latest then; 0: it is not */
	usec wake;
	uint64_t in_flight_at_death; /* messages that may have been on their way */
	const char *standby; /* what it said of whom it waits for */
	char name[16], journal[160];
	struct source sources[ENGINE_LIMIT];
	size_t source_count;
	struct engine_settings settings;
};

/* seed_settings.c */
void seed_settings_begin(void); /* once a run: keys, the classifier */
void seed_settings_end(void);
/* Limits per site, as the configuration would have them, divided. */
struct rules *seed_rules(struct arena *, uint32_t divisor);
void seed_settings(struct world *, struct node *, struct rules *);

/* seed_node.c */
void node_begin(struct world *, struct node *, unsigned index, struct rules *);
bool node_step(struct world *, struct node *); /* false: the seed has failed */
bool node_rests(const struct node *);          /* it does nothing more */
void node_end(struct world *, struct node *);  /* whatever it is doing */

/* seed_check.c: what must hold of each outcome that is settled, and when all have ended. */
void seed_outcome(struct world *, const struct store_outcome *);
void seed_check(struct world *, const struct node *, size_t count);

/* seed.c */
void seed_count_habits(const struct engine *);
bool seed_run(uint64_t seed); /* whether all held */
extern char seed_failure[400];
extern uint64_t seed_digest; /* of the way it went: the same whenever it is run */
/* seed_shrink.c: a failing seed, made as small as it goes; prints the command and the trace. */
void seed_shrink(uint64_t seed);
