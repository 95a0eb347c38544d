/* engine_parts.h - the engine as its parts: for engine.c, which gives each a thread, and for
 * the simulation, which steps them all in one. Built in this order: engine_open (database,
 * the campaign, recovery), engine_build_carrier, engine_build_feeder; torn down in the reverse. */
#pragma once

#include "engine/send/feeder.h"
#include "engine/send/published.h"
#include "engine/send/recovery.h"

#define ENGINE_PRESS_LIMIT 256

struct engine {
	const struct engine_settings *settings;
	struct arena_source *source;
	struct arena arena;
	struct limits limits;
	const struct classifier *classifier;
	struct campaign *only; /* the campaign to be sent, until the feeder has it */
	struct published published;
	const struct store_host *hosts; /* known from before */
	size_t host_count;
	const struct store_provider *providers; /* the same of providers */
	size_t provider_count;
	struct recovery recovery;
	uint32_t engine_id, epoch;
	uint32_t ended_epoch; /* of the process before this one: it held this journal; 0: who knows */
	uint64_t stop_number; /* the newest before the campaign was read */
	struct store *settle_store, *work_store, *beat_store;
	struct store *claim_store; /* NULL: nothing urgent may come */
	struct io_loop *carrier_loop, *feeder_loop;
	struct io_bell *carrier_bell, *feeder_bell;
	struct journal *journal;
	int journal_hold;   /* taken before anything else */
	bool database_away; /* engine_open() failed for that, and may be tried again */
	struct resolver *resolver;
	struct fetcher *fetcher; /* of MTA-STS policies; NULL: nothing asks for them */
	struct router *router;
	struct press presses[ENGINE_PRESS_LIMIT + 1]; /* behind limits.presses one for urgent mail */
	struct carrier carrier;
	struct ledger ledger;
	struct feeder feeder;
	char why[256];
};

static inline uint32_t engine_press_count(const struct engine *engine)
{
	return engine->limits.presses + 1;
}

/* campaign_id 0: whatever campaigns run. Each returns 0, or -1 with engine->why. cores: for the number of presses; seed: of all
 * chance. */
[[nodiscard]] int engine_open(struct engine *, const struct engine_settings *,
			      struct arena_source *, uint64_t campaign_id, uint32_t cores);
[[nodiscard]] int engine_build_carrier(struct engine *, uint64_t seed);
[[nodiscard]] int engine_build_feeder(struct engine *, uint64_t seed);
/* It has come to its end in order, and all its threads have. */
void engine_leave(struct engine *);
void engine_close_feeder(struct engine *);
void engine_close_carrier(struct engine *);
void engine_close(struct engine *);
void engine_read_progress(const struct engine *, struct engine_progress *);
