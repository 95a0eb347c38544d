/* warmup.h - a new source earns the trust of a provider: a curve of daily allowances, and where
 * on it one source stands with one provider. Pure: whoever keeps the state (the database, for
 * all engines) brings it here and takes it away again.
 * A day is counted from midnight of the curve's zone. Starts are counted before they are made,
 * in chunks: whoever crashes loses what was left of a chunk, and nobody ever exceeds a day. */
#pragma once

#include "engine/base/usec.h"
#include "engine/shape/bucket.h"

#define WARMUP_STEPS_LIMIT 64
#define WARMUP_HELD_SIZE 160

struct warmup_curve {
	uint32_t steps[WARMUP_STEPS_LIMIT]; /* messages of a day, ascending, each > 0 */
	uint32_t step_count;
	usec zone;          /* how far its days begin before those of UTC */
	usec opens, closes; /* the sending window, from the day's midnight; opens < closes <= 24
			       h */
	int32_t first_day;  /* nothing leaves before it; 0: at once */
	/* Parts of a million: more than that of the attempts deferred, or complained of, or
	 * less than that of the allowance used, and the step is held. */
	uint32_t defer_limit, complaint_limit, used_limit;
	uint32_t
		idle_days; /* after so many without mail half of the steps are lost; 0: never */
};
/* 29 steps from 200 to 10 million, all day long, in UTC. */
extern const struct warmup_curve warmup_standard;

/* Of one source and provider. */
struct warmup_state {
	uint32_t step;      /* index of the day's; step_count and above: warm, no limit */
	int32_t day;        /* that counted is of, in days since 1970; 0: none yet */
	int32_t step_since; /* day since when it is at this step */
	int32_t mailed_day; /* the last one with mail; 0: none yet */
	uint32_t counted;   /* starts of that day, with those only reserved */
	char held[WARMUP_HELD_SIZE]; /* why the step did not rise; empty: it did */
};

/* What became of a day's mail. */
struct warmup_result {
	uint64_t attempts, deferred, complained;
};

struct warmup_verdict {
	bool warm;          /* no limit at all; nothing else is set */
	uint32_t allowance; /* of today; 0: it has not begun */
	uint32_t room;      /* that is left of it, for who asks */
	struct rate
		rate; /* at which the room lasts until the window closes; count 0: none now */
	usec opens_wall; /* when a message may leave: now, or the next window's begin */
	usec day_ends_wall;
	const char *why; /* there is no room now: a few words for people; "" */
};

int32_t warmup_day_of(const struct warmup_curve *, usec wall);
/* A new day begins: judges the state's own day by its result. Does nothing on the same day, or
 * when the clock went back. */
void warmup_turn(const struct warmup_curve *, struct warmup_state *, int32_t today,
		 const struct warmup_result *);
/* Counts up to so many starts of the state's day, and returns how many. 0 when it is warm. */
uint32_t warmup_reserve(const struct warmup_curve *, struct warmup_state *, uint32_t wanted);
/* What was counted and will not be started; only on the day that it was counted. */
void warmup_give_back(struct warmup_state *, int32_t day, uint32_t count);
/* All of it in the order that a keeper needs: turns to the day of now, gives back, reserves;
 * returns the count reserved. */
uint32_t warmup_count(const struct warmup_curve *, struct warmup_state *, usec now_wall,
		      const struct warmup_result *, int32_t unused_day, uint32_t unused,
		      uint32_t wanted);
/* unused: of what is counted, so many starts the asker still has. A state of another day than
 * now's has no room: it is to be turned first. */
struct warmup_verdict warmup_verdict(const struct warmup_curve *, const struct warmup_state *,
				     uint32_t unused, usec now_wall);
/* One message an interval, with a burst only where intervals are too short to wait for. */
struct rate warmup_rate(usec interval);
/* How many starts to reserve at once: enough to be asked for seldom, few enough to lose. */
uint32_t warmup_chunk(const struct warmup_curve *, const struct warmup_state *);
