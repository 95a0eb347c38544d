/* pace.h - how many messages an hour a path may start, learned from replies: pure, given now.
 * Nobody publishes his limits, so they are found: a path begins at a sixteenth of what it may
 * do at most, or at two a second, and doubles while all is well. At the first throttle it goes below what was really
 * taken since the last one (never below what its nominal pace says), and remembers the pace
 * that was too much as its ceiling. Then it climbs to just below that ceiling, stays there, and
 * looks beyond it seldom, in small steps; each look that fails makes the next one rarer, looks
 * that succeed follow each other faster and reach further, for then the ceiling was wrong.
 *
 * What was taken between two throttles is the one honest measure: with a token bucket, which is
 * empty at both ends, it is the rate itself, however large the bucket; with a quota of an hour
 * it is the quota, when the time of being refused counts as well: best from the end of one such
 * time to the end of the next, which are both the beginning of an hour. */
#pragma once

#include <stdbool.h>

#include "engine/base/usec.h"

#define PACE_LEAST 60              /* messages an hour: never slower, or nothing is learned */
#define PACE_CUT_EVERY USEC_MINUTE /* between two cuts */
#define PACE_CLEAN_RUN 10          /* deliveries that earn a raise, at least */

struct pace {
	uint32_t limit;    /* messages an hour that are configured; 0: no limit */
	uint32_t per_hour; /* allowed now; 0: all that the limit allows */
	uint32_t ceiling;  /* an hour: more was too much the last time; 0: not met yet */
	uint32_t proven;   /* an hour: what was taken between the last two throttles; 0: none */
	usec cut_at;       /* the last cut; USEC_NEVER: none yet */
	/* What was taken since the last cut, and since when: idle time does not count. */
	uint64_t accepted;
	usec measured_from, delivered_at;
	/* Times when everything was refused. */
	usec blocked;         /* of them, since the last cut */
	usec blocked_from;    /* the one that lasts; USEC_NEVER: none */
	usec block_time;      /* how long the last one was: a server's memory may be as long */
	usec unblocked_at;    /* when it ended; USEC_NEVER: there was none yet */
	uint64_t since_block; /* taken since then */
	/* Towards the next raise. */
	usec raised_at;
	uint32_t used;   /* deliveries since then */
	usec look_every; /* how long to wait below the ceiling before looking beyond it */
	uint32_t looks;  /* beyond it that went well in a row */
};

/* limit: messages an hour, 0: none, and then nothing holds back before the first throttle. */
void pace_init(struct pace *, uint32_t limit, usec now);
void pace_set_limit(struct pace *, uint32_t limit, usec now); /* what was learned stays */
/* What an earlier one had learned; as much as the limit lets. */
void pace_restore(struct pace *, uint32_t per_hour, uint32_t ceiling, usec now);
/* A message was taken. True when the pace changed. */
[[nodiscard]] bool pace_delivered(struct pace *, usec now);
/* A bad run begins, and it is about the rate. True when the pace was cut. */
[[nodiscard]] bool pace_throttled(struct pace *, usec now);
/* A person says that it may go on: where the pace is below that of a new path, it begins anew. */
void pace_lift(struct pace *, usec now);
/* Everything is refused, and nothing is tried until then: that time counts in what is measured.
 */
void pace_blocked(struct pace *, usec until, usec now);
