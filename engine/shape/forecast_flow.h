/* forecast_flow.h - one path of a forecast: what the carrier is to a path, without sockets.
 * Private to forecast*.c. Its time is path.h's: path_at plus what was leapt over. */
#pragma once

#include "engine/shape/forecast.h"

struct flow_connection {
	enum { FLOW_CLOSED, FLOW_OPENING, FLOW_OPEN, FLOW_CLOSING } state;
	bool worn_out;
	uint32_t submitted, answered, under_way;
	usec replies[SMTP_TRANSACTION_LIMIT]; /* when messages will be answered, a ring */
	uint32_t first;
	usec idle_since;
	struct habit_plan plan;
};

struct flow_event {
	usec at;
	uint32_t connection;
};

struct flow {
	const struct forecast_assumption *assumption;
	struct path path;
	struct habit habit;
	uint64_t remaining, started;
	usec path_at, leapt;
	struct flow_connection *connections;
	uint32_t connection_count; /* as many as there may ever be */
	struct flow_event *events; /* a heap; at most one a connection */
	size_t event_count;
	uint32_t open, opening;    /* as the path counts them: closing ones are open */
	uint32_t working, closing; /* of the open ones */
	usec wake_at;
	/* The lap under way, and the pace of the one before in messages a usec. */
	uint64_t lap_started;
	usec lap_at, lap_held[HOLD_COUNT];
	double lap_share[HOLD_COUNT];
	double pace, leap_left, leap_size, leap_rest;
	bool steady;
	/* Of all time so far, leaps too. */
	usec held[HOLD_COUNT];
	enum forecast_hold hold;
	usec busy_time;     /* of connections, summed; path time only */
	usec renewing_time; /* of those that are opening or closing */
};

/* -1 when the arena is at its limit. */
[[nodiscard]] int flow_init(struct flow *, const struct forecast_assumption *,
			    const struct path_limits *, uint64_t recipients, struct arena *);
/* Goes on for a time, or until the last message has started; returns the time it took. */
usec flow_advance(struct flow *, usec time);
/* How long its connections still have to do once the last message has started. */
usec flow_drain_time(const struct flow *);
