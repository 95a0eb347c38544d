/* feeder_place.h - where domains lead, noted for people: `rundbrief why`, `plan`.
 * Each domain about once a day and engine, in batches, over the beat's connection. What finds
 * no room is noted the next time somebody there is written to; nothing is decided by it. */
#pragma once

#include "engine/net/route.h"
#include "engine/store/store.h"

#define PLACES_BATCH 256
#define PLACES_SEEN                                                                            \
	65536 /* hashes of domains; two that fall on one place are noted more often */

struct feeder;

struct feeder_places {
	struct arena arena; /* texts of the batch */
	struct store_domain_site *batch;
	uint64_t *seen;
	size_t count;
	usec since;     /* the batch's first */
	usec seen_from; /* of the day that seen is about */
	usec again_at;  /* after a failure */
	bool busy;
	struct store_domains_save request;
};

[[nodiscard]] int feeder_places_init(struct feeder *);
void feeder_places_done(struct feeder *);
void feeder_places_note(struct feeder *, str domain, const struct route *);
/* Returns when it wants to be called again at the latest. */
usec feeder_places_step(struct feeder *, usec now);
/* Nothing is under way, and at the end nothing is left. */
bool feeder_places_idle(const struct feeder *);
