/* history.h - one seed's history: some engines, a few campaigns, and what happens to them, as
 * acts with their chances drawn already. Pure: nothing here knows a store. An act that finds
 * nothing to act on does nothing, so that a history with acts left out is a history, too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_ENGINES 4
#define HISTORY_CAMPAIGNS 3
#define HISTORY_PEOPLE 150
#define HISTORY_ACTS 160

enum act_kind {
	ACT_NONE,
	/* of engines */
	ACT_JOIN, /* begins, or begins again while its old process lives on */
	ACT_HEARTBEAT,
	ACT_FEED,
	ACT_CUT,
	ACT_LEASE,
	ACT_MARK,
	ACT_SETTLE,
	ACT_PUT_BACK,
	ACT_CLAIM_DUE,
	ACT_CLAIM_OUTBOX,
	ACT_FINISH,
	ACT_LEAVE,
	ACT_CRASH,
	ACT_GHOST, /* the old process asks something */
	/* of people */
	ACT_POST, /* a row of the outbox */
	ACT_PAUSE,
	ACT_RESUME,
	ACT_CANCEL,
	ACT_UNSUBSCRIBE,
	ACT_SUPPRESS,
	/* of time; engines that stay awake renew their leases */
	ACT_PASS,
	ACT_COME_BACK, /* an engine that stood still for a day */
	ACT_COUNT
};
extern const char *const act_names[ACT_COUNT];

enum mishap {
	MISHAP_NONE,
	MISHAP_BEFORE,      /* the connection breaks, nothing is written */
	MISHAP_AFTER,       /* the connection breaks, all is written */
	MISHAP_KILL,        /* PostgreSQL ends the backend in mid-request */
	MISHAP_REPEAT,      /* the request is asked twice */
	MISHAP_AFTER_CRASH, /* all is written, and the engine dies without an answer */
	MISHAP_COUNT
};
extern const char *const mishap_names[MISHAP_COUNT];

struct act {
	enum act_kind kind;
	unsigned engine, campaign; /* indices */
	enum mishap mishap;
	unsigned mishap_at, mishap_trip; /* which of its requests; where in it */
	uint64_t chance;                 /* seeds what else is left to chance */
};

/* How the audience is chosen; what comes out is the same. */
enum audience { AUDIENCE_PLAIN, AUDIENCE_TWO_LISTS, AUDIENCE_EXCLUDED, AUDIENCE_FILTER };

struct history {
	uint64_t seed;
	unsigned engine_count, campaign_count;
	struct history_campaign {
		unsigned first, last; /* people, from 1 */
		enum audience audience;
	} campaigns[HISTORY_CAMPAIGNS];
	bool retry_in_doubt; /* the policy of newsletters; the other one assumes */
	bool with_outbox; /* a transactional campaign more */
	unsigned people_count;
	bool suppressed[HISTORY_PEOPLE + 1]; /* before all */
	struct act acts[HISTORY_ACTS];
	size_t act_count;
};

struct prng;
struct act history_draw(struct prng *, const struct history *);
void history_make(struct history *, uint64_t seed);
