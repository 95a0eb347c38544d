/* bucket.h - a rate as a generic cell rate algorithm: one timestamp, no timer.
 * "count per period, burst b": with burst 1 an hourly allowance is spread over the hour. */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

struct rate {
	uint32_t count; /* 0: no limit */
	usec per;
	uint32_t burst; /* >= 1 */
};

/* "100/s", "5/min", "1000/h", "20000/d", optionally ",burst=10"; "unlimited". */
[[nodiscard]] bool rate_parse(str text, struct rate *ret_rate);

struct bucket {
	struct rate rate;
	usec arrival_at; /* theoretical arrival time of the next cell */
};

void bucket_init(struct bucket *, struct rate, usec now);
/* How many may pass now (at most limit). */
uint32_t bucket_room(const struct bucket *, uint32_t limit, usec now);
void bucket_take(struct bucket *, uint32_t count, usec now);
usec bucket_next_at(const struct bucket *, usec now); /* when one may pass: now or later */
