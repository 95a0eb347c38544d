/* shares.h - what one seed is about, and what its host saw. */
#pragma once

#include "tests/sim/world.h"

#define SHARES_CAMPAIGNS 10
#define SHARES_CAMPAIGN 40 /* the first one's id */
#define SHARES_ROWS 40     /* of the outbox */

struct shares_plan {
	uint32_t sizes[SHARES_CAMPAIGNS], weights[SHARES_CAMPAIGNS];
	uint32_t per_second, connections;
};

/* Counted from when each had its first delivery, as long as all have mail left. */
struct shares_seen {
	uint64_t arrived[SHARES_CAMPAIGNS]; /* since the start */
	uint64_t counted[SHARES_CAMPAIGNS], total;
	bool all_have_come, one_has_ended;
	unsigned urgent_count;
	usec urgent_longest; /* from the insert to the MAIL command */
};
extern struct shares_seen shares_seen;

void shares_host_begin(const struct shares_plan *);
