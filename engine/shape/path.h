/* path.h - the shaping state of one path (source x site or provider): pure, given now, never
 * asks.
 * Two verbs: path_verdict() says how many messages may start, how many connections may open
 * and when to ask again; path_record() tells it what happened. It lives on one carrier.
 *
 * What counts against a path: replies of a server that speak of the path (rate-limited,
 * reputation, remote-failure, network). What never does: errors of a recipient or of a message,
 * and endings that we made ourselves (LOCAL replies). Whether hosts can be reached at all is
 * another matter: reach.h.
 * Going down is quick and rare (at the start of a bad run, at most once a minute), going up is
 * earned (a clean run of deliveries): +-1 after every reply loses half the mail to a server with
 * a hard limit. What a reply lowers: "too many connections" and trouble without a name the
 * connections (crowd.h), a limit of volume the message rate (pace.h); a run of nothing but
 * refusals suspends all, and then one message at a time asks whether it is over. */
#pragma once

#include "engine/base/usec.h"
#include "engine/shape/backoff.h"
#include "engine/shape/bucket.h"
#include "engine/shape/crowd.h"
#include "engine/shape/habit.h"
#include "engine/shape/pace.h"
#include "engine/smtp/classify.h"

#define PATH_RUN_LIMIT 5  /* throttles in a row that suspend a path */
#define PATH_CLEAN_RUN 20 /* deliveries that halve the memory of suspensions */
#define PATH_PROBE_EVERY (30 * USEC_SECOND) /* when nothing became of the one that asked */

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
	const char *why; /* what holds the path back, for people: "suspended", "rate", "bytes",
	                    "connections", "connection rate"; "" when nothing does */
};

enum path_event_kind {
	PATH_STARTED, /* one message started: takes from the rates */
	PATH_OPENING, /* one connection is being opened: takes from the connection rate */
	PATH_OPENED,  /* one was greeted */
	PATH_REPLY,   /* an attempt ended, or a greeting refused: classification given */
};

struct path_event {
	enum path_event_kind kind;
	const struct classification *classification; /* REPLY */
	enum reply_origin origin;                     /* REPLY */
	uint32_t size;   /* STARTED: bytes of the message; 0: unknown, and then not counted */
	uint32_t others; /* OPENED, REPLY: connections of the path that are open beside this one */
	usec started_at; /* REPLY: when the message started; 0: now */
};

/* What may be shown, saved and restored is in pace and crowd, and in the first lines here. */
struct path {
	struct path_limits limits;
	usec suspended_until;  /* no message starts before; then one asks whether it is over */
	bool suspended;        /* no reply has said yet that it is over */
	bool is_blocked;       /* suspended as a sender: people must act */
	struct pace pace;      /* messages an hour */
	struct crowd crowd;    /* connections at once */
	struct backoff suspension; /* after runs of rate-limited, remote-failure, network */
	struct backoff blocking;   /* after runs of reputation: longer */
	uint32_t throttles;    /* in a row, of messages that started after the first of them */
	usec bad_since;        /* when that run began, or the last suspension */
	uint32_t clean_run;    /* deliveries since the last throttle */
	usec probed_at;        /* the last message that was to ask; USEC_NEVER: none under way */
	uint32_t largest_size; /* of the messages started lately: what the next one may have */
	struct bucket messages, connections, bytes;
};

void path_init(struct path *, const struct path_limits *, usec now);
/* New limits (a reload); what was learned stays, as far as it fits under them. */
void path_set_limits(struct path *, const struct path_limits *, usec now);
/* What these limits let start in the long run, whichever binds: the message rate, or that of
 * connections which take so many each. count 0: neither does. */
struct rate path_limits_rate(const struct path_limits *);
struct path_grant path_verdict(const struct path *, const struct path_demand *, usec now);
void path_record(struct path *, const struct path_event *, usec now);
/* Whether its limits have forgotten all that was started and opened: one that begins anew now
 * may do no more. */
bool path_is_rested(const struct path *, usec now);
/* A person says that it may go on: waits end now; a pace that is very slow begins anew. */
void path_lift(struct path *, usec now);
