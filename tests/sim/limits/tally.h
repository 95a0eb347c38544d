/* tally.h - one limit as whoever is protected by it counts: what really arrived. None of the
 * engine's code: a level that rises by what comes and sinks with the rate, so that
 * "level <= burst" at every arrival is the same as "burst + w * rate at most in every window
 * w". What is beyond it fails the seed.
 *
 * The grace, all of it: messages may arrive closer together than they started, by TALLY_GRACE
 * (the network, and a message before them on the same connection), their ends by
 * TALLY_END_GRACE; of bytes the last message may go beyond; windows of other limits begin
 * TALLY_GRACE after they came into force at each engine (at one that stands still: when it goes
 * on), when what was under way has arrived. A connection that
 * another engine has from before its lease was over, or before there was the limit, counts from
 * TALLY_TOLD on: an engine that holds some asks every five seconds at the latest. */
#pragma once

#include "engine/shape/path.h"
#include "engine/shape/quota.h"
#include "tests/sim/world.h"

#define TALLY_GRACE (750 * USEC_MS)
#define TALLY_END_GRACE USEC_SECOND
#define TALLY_TOLD (5 * USEC_SECOND + TALLY_GRACE)

struct tally_level {
	double level;
	usec at;
};

struct tally {
	char name[80];
	struct quota_limits limits;
	uint32_t messages_per_connection; /* 0: no limit */
	struct tally_level messages, bytes, opens;
	uint32_t open_count;
	unsigned last_engine; /* whose message came last, 0: nobody's, */
	usec last_at;         /* and when */
	usec changed_at; /* since then these limits; 0: from the start */
};

enum tally_kind {
	TALLY_MESSAGES,
	TALLY_BYTES,
	TALLY_OPENS,
	TALLY_OPEN,
	TALLY_EACH,
	TALLY_KINDS
};
extern const char *const tally_kind_names[TALLY_KINDS];
/* How often something arrived at the limit: a limit that is never met proves nothing. */
extern uint64_t tally_met[TALLY_KINDS];

void tally_init(struct tally *, const char *name, const struct quota_limits *);
void tally_change(struct tally *, const struct quota_limits *, uint32_t messages_per_connection,
		  usec at);
/* unknown: so many of those open do not count now. */
void tally_opened(struct world *, struct tally *, uint32_t unknown);
void tally_closed(struct tally *);
void tally_message(struct world *, struct tally *);
void tally_bytes(struct world *, struct tally *, size_t size);
/* The count-th message on one connection. */
void tally_on_connection(struct world *, const struct tally *, uint32_t count);
