/* wheel.h - timers for one thread: a hierarchical wheel that is given now.
 * Arming and cancelling are O(1); 4 levels of 64 slots with 1 ms ticks reach 4.6 hours, beyond
 * that a timer waits in the last slot and is armed again when it comes round. A timer fires at
 * or after its time, never before. */
#pragma once

#include "engine/base/chain.h"
#include "engine/base/usec.h"

struct wheel_timer {
	struct chain_link link;
	usec at;
	unsigned slot; /* which of the wheel's chains holds the link */
};

struct wheel {
	usec now; /* all timers up to here have fired */
	struct chain slots[4 * 64];
	uint64_t occupied[4]; /* a bit for each slot of a level that holds a timer */
	struct chain due;
};

void wheel_init(struct wheel *, usec now);
void wheel_timer_init(struct wheel_timer *);
void wheel_arm(struct wheel *, struct wheel_timer *, usec at); /* re-arms when armed */
/* It will fire at that time, or sooner. */
bool wheel_is_armed(const struct wheel_timer *, usec at);
void wheel_cancel(struct wheel *, struct wheel_timer *);       /* harmless when not armed */
/* Advances to now and returns one timer that is due (disarmed), NULL when there is none left.
 * Call it until NULL. */
struct wheel_timer *wheel_expire(struct wheel *, usec now);
/* A time at or before which nothing fires (so a good time to sleep until); USEC_NEVER when
 * no timer is armed. */
usec wheel_next(const struct wheel *);
