/* crowd.h - how many connections a path may have at once, learned from refusals: pure.
 * It begins with all that are configured, because a greeting that refuses one costs no message.
 * Who says "too many" tells how many he lets in: that stays, and one more is tried seldom and
 * ever more seldom. Other trouble halves the crowd, and clean runs bring it back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/usec.h"

#define CROWD_CUT_EVERY USEC_MINUTE /* between two cuts */
#define CROWD_CLEAN_RUN 20          /* deliveries that earn one more, at least */

struct crowd {
	uint32_t limit;   /* configured; >= 1 */
	uint32_t cap;     /* connections at once, now: 1..limit */
	uint32_t ceiling; /* so many were too many the last time; 0: not met yet */
	usec cut_at;      /* the last cut; USEC_NEVER: none yet */
	usec changed_at;
	uint32_t clean_run; /* deliveries since then */
	usec look_every;    /* how long to wait below the ceiling before trying one more */
};

void crowd_init(struct crowd *, uint32_t limit, usec now);
void crowd_set_limit(struct crowd *, uint32_t limit, usec now); /* what was learned stays */
void crowd_delivered(struct crowd *, usec now);
/* One more was let in: open now. More than were thought possible are the new truth. */
void crowd_opened(struct crowd *, uint32_t open, usec now);
/* One was refused as one too many, while so many others were open. */
void crowd_refused(struct crowd *, uint32_t others, usec now);
/* A bad run begins, and nobody says what it is about. */
void crowd_troubled(struct crowd *, usec now);
