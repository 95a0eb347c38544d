/* store_stops.h - what must no longer be started, and the bell that says where to look.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/store/store_base.h"

/* What must no longer be started, since the number given. */
enum stop_kind {
	STOP_PAUSE,
	STOP_RESUME,
	STOP_CANCEL,
	STOP_SUBSCRIBER,
	STOP_PROVIDER,     /* nothing goes there: an incident waits for review */
	STOP_PROVIDER_END, /* it goes on */
	STOP_FLUSH,        /* what waits there for its time is due now */
};
struct store_stop {
	uint64_t number;
	enum stop_kind kind;
	uint64_t campaign_id;   /* PAUSE, RESUME, CANCEL; SUBSCRIBER: 0 for every campaign */
	uint64_t subscriber_id; /* SUBSCRIBER: unsubscribed or suppressed */
	const char *reason;     /* "unsubscribed", "manual", ... */
	str provider;           /* PROVIDER, PROVIDER_END: its short name; campaign_id is 0 */
	const char *target;     /* FLUSH: "provider NAME", "site NAME"; "" everywhere */
};

/* The word by which an engine may start anything: it starts nothing when the last answer was
 * asked for more than a second ago. So it also says what was taken from the engine meanwhile
 * (its lease ran out): nothing of these slices may start any more, what has started is still
 * accepted, and what has not is put back. STORE_FENCED: a newer process has its name. */
struct store_stop_feed {
	struct store_request request;
	uint32_t engine_id, epoch; /* 0: no engine asks, nobody is fenced */
	uint64_t after_number;     /* UINT64_MAX: only tell the newest number */
	struct arena *arena;
	struct store_stop *ret_stops;
	size_t ret_count;
	uint64_t ret_newest_number;
	uint64_t *ret_lost_slices; /* all that are taken over and not yet settled */
	size_t ret_lost_count;
};
void store_stop_feed(struct store *, struct store_stop_feed *);

/* The bell: PostgreSQL's NOTIFY for this tenant. It says where to look, never what is there: it
 * may ring for nothing, rings once for many, and rings for all after every (re)connection, for
 * what was notified meanwhile was missed. A pooler does not pass LISTEN on, so a store that is
 * listened to is never pooled. */
enum store_rung {
	STORE_RUNG_OUTBOX = 1, /* rows were put into the outbox, or a campaign was launched */
	STORE_RUNG_STOP = 2,   /* the stop feed has grown */
	STORE_RUNG_DUE = 4,    /* deferrals were made due */
	STORE_RUNG_ALL = 7,
};
struct store_bell {
	/* From the loop, never inside a request; rung: of enum store_rung, or-ed. */
	void (*on_bell)(struct store_bell *, unsigned rung);
};

/* Once a store, with a loop; it keeps itself connected from then on. The bell is the caller's
 * until store_close(). */
void store_listen(struct store *, struct store_bell *);
