/* lookup.h - the routes of many domains, asked outside of any campaign: side by side, within a
 * time. As the engine asks them (static routes, MX, addresses), but for MTA-STS: which site it
 * is does not hang on it. */
#pragma once

#include "engine/send/engine.h"

struct lookup {
	str domain; /* A-labels, lower case */
	bool answered;
	enum local_cause cause; /* answered: CAUSE_NONE, or why there is no route */
	char site[128], provider[32];
};

/* Asks in the order given and returns when all are answered or the time is over. lists: of the
 * campaign. 0, or -1 with a sentence about our own machine. */
[[nodiscard]] int lookup_routes(const struct engine_settings *, struct lookup *, size_t count,
				const str *lists, size_t list_count, usec time, char *ret_why,
				size_t why_size);
