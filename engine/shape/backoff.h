/* backoff.h - growing intervals: of a suspended path, and of a deferred recipient. */
#pragma once

#include "engine/base/prng.h"
#include "engine/base/usec.h"
#include "engine/smtp/classify.h"

/* Doubles from first to last with each failure, halves its memory with each success. */
struct backoff {
	usec first, last;
	uint32_t level;
};

void backoff_init(struct backoff *, usec first, usec last);
usec backoff_fail(struct backoff *); /* the interval to wait now */
void backoff_succeed(struct backoff *);

/* The retry schedule of a recipient. */
struct retry_schedule {
	usec first;      /* default 15 min; greylisting waits at least greylist_first */
	usec last;       /* default 4 h */
	usec greylist_first; /* 5 min (RFC 6647 2) */
	usec expiry;     /* after the first attempt; default 2 days for campaigns */
	double growth;   /* 2.0 */
	double jitter;   /* 0.2: +-20 % */
};
extern const struct retry_schedule retry_schedule_default;

/* When to try again after the given number of attempts (>= 1) ended with this classification;
 * USEC_NEVER when first_attempt_at + expiry would be passed, or the classification's retry_limit
 * is used up: then the recipient expires. The class sets the pace within first..last: greylisted
 * from greylist_first, mailbox-full always last, blocks of the source or sender from a quarter
 * of last. Honours the server's own "wait", which jitter only ever lengthens. Times are wall
 * clock or monotonic alike, but all of one kind. */
usec retry_next_at(const struct retry_schedule *, const struct classification *,
                   uint32_t attempts, usec first_attempt_at, usec now, struct prng *);
