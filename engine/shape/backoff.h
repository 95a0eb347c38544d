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

/* Waits of one class: growing from first to last; 0: as retry_next_at() has it. */
struct retry_pace {
	usec first, last;
};

/* The retry schedule of a recipient. */
struct retry_schedule {
	usec first;      /* default 15 min; greylisting waits at least greylist_first */
	usec last;       /* default 4 h */
	usec greylist_first; /* 5 min (RFC 6647 2) */
	usec expiry;     /* after the first attempt; default 2 days for campaigns */
	double growth;   /* 2.0 */
	double jitter;   /* 0.2: +-20 % */
	struct retry_pace of_class[CLASS_COUNT]; /* in place of the built-in ones */
};
extern const struct retry_schedule retry_schedule_default;

/* When to try again after the given number of attempts (>= 1) ended with this classification;
 * USEC_NEVER when first_attempt_at + expiry would be passed, or the classification's retry_limit
 * is used up: then the recipient expires. Class and cause set the pace, each as a part of first
 * and last, so that a schedule of seconds stays one of seconds. With the defaults:
 *   greylisted        from greylist_first: 5, 10, 20 min ...   mailbox-full      4 h, always
 *   reputation, auth-failure, sender-rejected, spam-content    1 h ... 4 h
 *   rate-limited      15, 30 min    of it recipient-rate       45 min, always
 *                                   and too-many-connections   5 min, always
 *   dns-failure       1, 4.5, 20, 90 min, 4 h
 *   dead addresses and policy, when only deferred              30 min ... 4 h
 *   all others        15, 30, 60 min ... 4 h
 * Honours the server's own "wait", which jitter only ever lengthens. Times are wall clock or
 * monotonic alike, but all of one kind. */
usec retry_next_at(const struct retry_schedule *, const struct classification *,
                   uint32_t attempts, usec first_attempt_at, usec now, struct prng *);
