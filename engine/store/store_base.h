/* store_base.h - what every request of the database has: a connection, a result, a sentence.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/chain.h"
#include "engine/base/usec.h"
#include "engine/io/io.h"

struct store;
struct pg_conn; /* libpq's */

enum store_result {
	STORE_OK = 0,
	/* No connection, or it broke: whether a write took is not known; read the position,
	 * never guess. Try again after a pause. */
	STORE_LOST = -1,
	/* Deadlock, serialization, read-only, disk full, out of memory: nothing was written. */
	STORE_RETRY = -2,
	/* The statement is wrong for this schema: a bug or a missing migration. */
	STORE_REFUSED = -3,
	STORE_NOT_FOUND = -4,
	/* Another process runs under this engine's name (newer epoch), the journal position is
	 * not the expected one, or a lease was lost. */
	STORE_FENCED = -5,
	/* Something in what was to be written does not fit (a constraint, a trigger, a value): as
	 * STORE_REFUSED, but with less of it the rest may go in. */
	STORE_UNFIT = -6,
};

struct store_config {
	const char *conninfo;    /* may name several hosts: the one that takes writes is found */
	bool pooled;             /* conninfo leads to a pooler in transaction mode; no LISTEN */
	bool no_scans; /* what is asked here has indexes: no table is read whole */
	bool looks_up; /* the same, and everything is looked up by its keys */
	/* NULL, or a session of this conninfo that is open already (connect.h): the first store
	 * without a loop takes it, and leaves NULL there. */
	struct pg_conn **session;
	uint32_t tenant;         /* 1: the default tenant */
	usec connect_timeout;    /* 0: 10 s */
	usec statement_timeout;  /* 0: 60 s */
	const char *application; /* application_name: "rundbrief feeder" */
	usec day_zone;           /* days of sources begin so long before those of UTC */
	usec lease;              /* what an engine holds stays its own so long without a word
				    from it; 0: 30 s */
	usec journal_wait;       /* who was started by an engine that is gone waits so long for
				    its journal, then is in doubt; 0: a day */
};

[[nodiscard]] int store_open(struct store **ret_store, struct io_loop *,
			     const struct store_config *, char *ret_why, size_t why_size);

/* Requests not yet served are dropped without on_done. With a loop: before the loop is
 * destroyed; memory is given back by the loop's next turns. */
void store_close(struct store *);

/* First member of every request. */
struct store_request {
	struct chain_link link;
	void (*on_done)(struct store_request *);
	int result;                    /* enum store_result */
	char why[256];                 /* for people, when result is not OK */
	const struct store_work *work; /* the implementation's own */
};
