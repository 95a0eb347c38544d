/* late.h - outcomes of recipients about whom somebody else has decided meanwhile: accepted, and
 * never counted twice. Private to engine/store; settle.c runs its stages. */
#pragma once

#include "engine/store/pg.h"
#include "engine/store/tally.h"

enum late_flag {
	LATE_LOOK = 1,        /* a deferral may wait, though this was a first attempt */
	LATE_NO_DEFERRAL = 2, /* and is not this outcome's to touch */
	LATE_NO_OUTBOX = 4,   /* nor what the outbox says */
	LATE_DONE = 8,        /* his verdict stands: nobody waits any more */
};

struct late_burial;

struct late {
	uint64_t *slice_ids; /* of the batch, then those that were taken over */
	size_t slice_count;
	struct late_burial *burials;
	size_t burial_count;
	const struct store_outcome **undone; /* counted once, and no longer */
	uint16_t *undone_classes;
	size_t undone_count;
	uint8_t *flags; /* late_flag of each outcome; NULL: there are none */
	const struct store_outcome **done; /* those with LATE_DONE */
	size_t done_count;
};

/* Each sends one statement, and takes its result with the next; PG_DONE when there is nothing to
 * ask, or it failed. */
enum pg_next late_send_slices(struct store *, struct late *, const uint64_t *campaigns,
			      size_t campaign_count, const struct store_outcome *const *,
			      size_t count);
[[nodiscard]] int late_take_slices(struct store *, struct late *, const PGresult *);
enum pg_next late_send_children(struct store *, struct late *, const uint64_t *campaigns,
				size_t campaign_count);
/* Outcomes of whom somebody else has leave the batch: who was moved had not been started. */
[[nodiscard]] int late_take_children(struct store *, struct late *, const PGresult *,
				     const struct store_outcome **, size_t *count);
enum pg_next late_send_burials(struct store *, const struct store_outcome *const *,
			       size_t count);
/* Outcomes may be exchanged for copies that are not final, or are in another's place. */
[[nodiscard]] int late_take_burials(struct store *, struct late *, const PGresult *,
				    const struct store_outcome **, size_t count);
bool late_is_done(const struct late *, const struct store_outcome *);
enum pg_next late_send_moved(struct store *, const struct late *);
