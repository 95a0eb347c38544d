/* drive.h - steps an engine through a world: all its workers in one thread, the clock jumping
 * to whatever comes next. */
#pragma once

#include "engine/send/engine_parts.h"
#include "tests/sim/world.h"

/* An empty directory for the engine's journal, in w->journal, and its end. */
void drive_journal_begin(struct world *, const char *name);
void drive_journal_end(struct world *);
/* For router_config.provider_of; context is the rules. */
str drive_provider_of(const void *context, const struct route *);
/* Opening can fail while the database is away: people would try again, so does this. False, and
 * the seed has failed, when it never comes back. */
[[nodiscard]] bool drive_open(struct world *, struct engine *, const struct engine_settings *);
/* The same for whatever campaigns run, not for the one newsletter. */
[[nodiscard]] bool drive_open_all(struct world *, struct engine *,
				  const struct engine_settings *);
/* One try, as the world's current life; what a failed one leaves is cleared by the second. */
[[nodiscard]] bool drive_try(struct world *, struct engine *, const struct engine_settings *,
			     uint64_t campaign_id);
void drive_give_up(struct world *, struct engine *);
usec drive_step(struct engine *);         /* one step of every worker: when the next is due */
void drive_on(struct world *, usec wake); /* the clock to the next event, or to that time */
void drive_drain(struct world *,
		 struct engine *); /* stops it in order: all must be empty then */
void drive_check_empty(struct world *, struct engine *);
void drive_close(struct engine *);
/* The process of the world's current life is dead, from between two steps or inside one: what it
 * had started is no longer its own. */
void drive_crash(struct world *, struct engine *);
