/* bucket.h - a rate as a generic cell rate algorithm: one timestamp, no timer.
 * "count per period, burst b": with burst 1 an hourly allowance is spread over the hour, never
 * spent in its first second. In any window w at most burst + w * count / per pass
 * (to within a microsecond's worth of the rate). */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

#define RATE_BURST_LIMIT 1000000 /* keeps burst x period far from overflow */

struct rate {
	uint32_t count; /* 0: no limit */
	usec per;
	uint32_t burst; /* >= 1 */
};

/* "100/s", "5/min", "1000/h", "20000/d", optionally ",burst=10"; "unlimited". Without a burst it
 * is 50 ms worth of the rate (at least 1), so that a caller that looks every few milliseconds
 * can still reach a high rate. False (untouched) on anything else. */
[[nodiscard]] bool rate_parse(str text, struct rate *ret_rate);
/* The same for volumes: "500kB/s", "10MB/min", "2GB/h", optionally ",burst=200kB"; in powers of
 * 1000. A count that does not fit is that of a part of the period. The bucket counts bytes. */
[[nodiscard]] bool rate_parse_bytes(str text, struct rate *ret_rate);

struct bucket {
	struct rate rate;
	usec arrival_at; /* theoretical arrival time of the next cell */
};

void bucket_init(struct bucket *, struct rate, usec now);
/* How many may pass now (at most limit). */
uint32_t bucket_room(const struct bucket *, uint32_t limit, usec now);
/* Counts them; more than there was room for is allowed and paid back by a longer wait. */
void bucket_take(struct bucket *, uint32_t count, usec now);
usec bucket_next_at(const struct bucket *, usec now); /* when one may pass: now or later */

/* What is in it now, in millionths of a cell, rounded down: negative when more was taken than
 * there was. Only for a bucket with a rate. */
#define BUCKET_CELL 1000000
int64_t bucket_level(const struct bucket *, usec now);
/* So much is in it, if that fits; rounded so that it is never more. */
void bucket_set_level(struct bucket *, int64_t level, usec now);
/* What flows in during a time, at this rate. */
int64_t rate_yield(const struct rate *, usec time);
/* parts of so many equal ones. The burst may be 0, where it cannot be divided so often. */
struct rate rate_share(const struct rate *, uint32_t parts, uint32_t of);
