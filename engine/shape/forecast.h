/* forecast.h - how long first attempts will take: the shaping code itself, run under a clock
 * that nobody waits for. Pure; it knows flows and limits, no domains and no database.
 *
 * A flow is one path (path.h) or many alike, and is stepped as the carrier steps its paths:
 * path_verdict() grants starts and connections, a connection opens within round trips, takes as
 * many messages at once as its host's habits allow (habit.h, learned as it goes) and is closed
 * when it is worn out. What no configuration knows is assumed: round trips, the time a server
 * takes for a message.
 *
 * Ten million messages take a second because a flow in steady state leaps. It is stepped
 * message by message for a lap; when a lap takes as long as the one before, the same is taken
 * to happen again 1, 2, 4, .. times, and then another lap is stepped. The path never notices:
 * its clock stands still in a leap, so no state of it is guessed, and whatever changes its pace
 * (a learned limit, a cut) makes laps unequal and ends the leaping. The last lap is stepped. */
#pragma once

#include "engine/base/arena.h"
#include "engine/shape/path.h"

enum forecast_hold {
	HOLD_NONE, /* messages wait for nothing but the replies before them */
	HOLD_MESSAGE_RATE,
	HOLD_BYTE_RATE,
	HOLD_CONNECTIONS,
	HOLD_CONNECTION_RATE,
	HOLD_MESSAGES_PER_CONNECTION, /* connections, which are mostly being renewed */
	HOLD_SUSPENDED,
	HOLD_ENGINE_CONNECTIONS,
	HOLD_ENGINE_RATE,
	HOLD_CAMPAIGN_RATE,
	HOLD_COUNT
};
extern const char *const forecast_hold_names[HOLD_COUNT];

/* What is taken for granted about the other side. */
struct forecast_assumption {
	usec round_trip;
	usec reply;            /* a server's own time for a message */
	uint32_t open_trips;   /* round trips until a connection is ready */
	bool chunking;         /* servers offer CHUNKING (RFC 3030) */
	uint32_t message_size; /* bytes, for limits of bytes */
};
extern const struct forecast_assumption
	forecast_assumption_default; /* 50 ms, 50 ms, 4, yes, 20,000 */

struct forecast_flow {
	/* Asked. */
	struct path_limits limits;
	uint64_t recipients; /* of each path; 0: nothing to do */
	uint32_t paths;      /* so many alike; >= 1 */
	double deferred;     /* share of attempts that will be tried again; below 1 */
	/* Told. All times count from the start. */
	usec end_at;     /* of the last first attempt; USEC_NEVER: beyond FORECAST_LIMIT */
	usec tail_at;    /* of the last retry that is to be expected; end_at without any */
	double per_hour; /* of all its paths together, at its usual pace */
	enum forecast_hold hold; /* that holds it back most of the time, and its latest run: */
	usec hold_since;
};

#define FORECAST_LIMIT (400 * USEC_DAY)

struct forecast {
	struct forecast_flow *flows;
	size_t flow_count;
	struct forecast_assumption assumption;
	struct retry_schedule retry; /* of the tail */
	uint32_t connection_limit;   /* of the engine, shared by all flows; 0: none */
	struct rate campaign_rate;   /* shared by all flows; count 0: none */
	uint32_t engine_rate;        /* messages a second that one engine makes; 0: no limit */
	usec end_at, tail_at;        /* told: the latest of all flows */
	size_t last_flow;            /* told: whose end that is */
};

/* Tells the end of every flow. 0, or -1 when the arena is at its limit. Time and memory go with
 * the flows and the logarithm of their recipients. */
[[nodiscard]] int forecast_run(struct forecast *, struct arena *);
