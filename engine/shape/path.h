/* path.h - the shaping state of one path (source x site): pure, given now, never asks.
 * Two verbs: path_verdict() says how many messages may start, how many connections may open
 * and when to ask again; path_record() tells it what happened. It lives on one carrier.
 *
 * What counts against a path: replies of a server that speak of the path (rate-limited,
 * reputation, remote-failure, network). What never does: errors of a recipient or of a message,
 * and endings that we made ourselves (LOCAL replies). Whether hosts can be reached at all is
 * another matter: reach.h.
 * Going down is quick and rare (at the start of a bad run, at most once a minute), going up is
 * slow and earned (a clean run of deliveries): +-1 after every reply loses half the mail to a
 * server with a hard limit. */
#pragma once

#include "engine/base/usec.h"
#include "engine/shape/backoff.h"
#include "engine/shape/bucket.h"
#include "engine/shape/habit.h"
#include "engine/smtp/classify.h"

#define PATH_RUN_LIMIT 5               /* throttles in a row that suspend a path */
#define PATH_DECREASE_EVERY USEC_MINUTE /* between two decreases */
#define PATH_CLEAN_RUN 20              /* deliveries, times the cap, that earn an increase */
#define PATH_SLOWDOWN_LIMIT 16         /* the message rate is never cut below 1/16 */

/* The least that carries mail to a path, whatever is wished for elsewhere; the pacing itself does
 * not look at it. */
enum path_tls { PATH_TLS_ANY, PATH_TLS_ENCRYPT, PATH_TLS_VERIFY, PATH_TLS_COUNT };
extern const char *const path_tls_names[PATH_TLS_COUNT];

struct path_limits {
	uint32_t connections;             /* at once; >= 1 */
	uint32_t messages_per_connection; /* 0: no limit */
	struct rate message_rate;         /* count 0: no limit */
	struct rate connection_rate;
	struct rate byte_rate;            /* of messages' content; count 0: no limit */
	usec idle_close;                  /* an idle connection is kept so long */
	struct habit_rule habits;         /* window 0: habit_rule_default */
	enum path_tls tls;
	bool shared; /* by all sites of the provider together, not for each alone */
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
	const char *why; /* what holds the path back, for people: "suspended", "rate",
	                    "connections", "connection rate"; "" when nothing does */
};

enum path_event_kind {
	PATH_STARTED,        /* one message started: takes from the rate */
	PATH_OPENING,        /* one connection is being opened: takes from the connection rate */
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
	struct backoff suspension; /* after runs of rate-limited, remote-failure, network */
	struct backoff blocking;   /* after runs of reputation: longer, people must act */
	usec suspended_until;      /* no message starts */
	usec decreased_at;         /* USEC_NEVER: never yet */
	uint32_t throttles;        /* throttling replies in a row */
	uint32_t connection_cap;   /* lowered by throttles, raised by clean runs; <= limits.connections */
	uint32_t slowdown;         /* the message rate is divided by it: 1, 2, 4, .. */
	uint32_t clean_run;        /* deliveries since the last throttle or increase */
};

void path_init(struct path *, const struct path_limits *, usec now);
/* New limits (a reload); what was learned stays, as far as it fits under them. */
void path_set_limits(struct path *, const struct path_limits *, usec now);
/* What these limits let start in the long run, whichever binds: the message rate, or that of
 * connections which take so many each. count 0: neither does. */
struct rate path_limits_rate(const struct path_limits *);
struct path_grant path_verdict(const struct path *, const struct path_demand *, usec now);
void path_record(struct path *, const struct path_event *, usec now);
/* A person says that it may go on: waits end now, what was learned of the pace stays. */
void path_lift(struct path *, usec now);
