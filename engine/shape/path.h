/* path.h - the shaping state of one path (source x site): pure, given now, never asks.
 * Two verbs: path_verdict() says how many messages may start, how many connections may open
 * and when to ask again; path_record() tells it what happened. It lives on one carrier. */
#pragma once

#include "engine/base/usec.h"
#include "engine/shape/backoff.h"
#include "engine/shape/bucket.h"
#include "engine/smtp/classify.h"

struct path_limits {
	uint32_t connections;             /* at once; >= 1 */
	uint32_t messages_per_connection; /* 0: no limit */
	struct rate message_rate;         /* count 0: no limit */
	struct rate connection_rate;
	usec idle_close;                  /* an idle connection is kept so long */
};

struct path_demand {
	uint32_t waiting;    /* envelopes that could start */
	uint32_t slots;      /* transactions that open, ready connections could take now */
	uint32_t open;       /* connections ready or busy */
	uint32_t opening;    /* connections being opened */
};

struct path_grant {
	uint32_t start; /* so many messages may start now (never more than waiting and slots) */
	uint32_t open;  /* so many connections may be opened now */
	usec wake_at;   /* ask again then, or after any path_record(); USEC_NEVER: on demand only */
	const char *why; /* what holds the path back, for people: "rate", "connections",
	                    "suspended", ...; "" when nothing does */
};

enum path_event_kind {
	PATH_STARTED,        /* one message started: takes from the rate */
	PATH_OPENING,        /* one connection is being opened: takes from the connection rate */
	PATH_OPENED,         /* connected and greeted */
	PATH_CONNECT_FAILED, /* every host of the site failed in this round */
	PATH_REPLY,          /* an attempt ended: classification given */
};

struct path_event {
	enum path_event_kind kind;
	const struct classification *classification; /* REPLY */
	enum reply_origin origin;                     /* REPLY */
};

struct path {
	struct path_limits limits;
	struct bucket messages, connections;
	struct backoff suspension;
	usec suspended_until;
	uint32_t connect_failures; /* in a row */
	uint32_t throttles;        /* rate-limited or reputation replies in a row */
	uint32_t connection_cap;   /* lowered by 421s, raised by clean runs; <= limits.connections */
	uint32_t clean_run;        /* deliveries since the last throttle */
};

void path_init(struct path *, const struct path_limits *, usec now);
struct path_grant path_verdict(const struct path *, const struct path_demand *, usec now);
void path_record(struct path *, const struct path_event *, usec now);
