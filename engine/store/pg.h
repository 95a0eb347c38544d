/* pg.h - under store.h: one PostgreSQL connection that serves requests one by one.
 * A request's work is a step function: it sends one statement and returns PG_WAIT; it is called
 * again with that statement's result, and so on until PG_DONE. The same steps run with a loop
 * (io_poll wakes them) and without (poll(2) does), and multi-statement transactions are only
 * steps that begin with pg_begin() and end with pg_commit().
 *
 * A step never sees an error: the layer rolls back, says STORE_* and a sentence, and ends the
 * request. A step that itself refuses says so by pg_fail(); what is open then is rolled back.
 * Private to engine/store. */
#pragma once

#include "engine/base/buf.h"
#include "engine/store/store.h"
#include <libpq-fe.h>

#define PG_PARAM_LIMIT 24
#define PG_STATEMENT_LIMIT 160 /* a read with another number of fields is another one */
#define PG_NAME_LIMIT 40
#define PG_RECONNECT_PAUSE (1 * USEC_SECOND)
#define LEASE_DEFAULT (30 * USEC_SECOND)
#define JOURNAL_WAIT_DEFAULT USEC_DAY
#define PG_ANSWER_MARGIN (5 * USEC_SECOND) /* beyond the server's own statement time-out */

enum pg_next { PG_WAIT, PG_DONE };

struct store_work {
	enum pg_next (*step)(struct store *, struct store_request *, const PGresult *);
};

enum pg_state {
	PG_DOWN,       /* no connection */
	PG_CONNECTING, /* libpq is shaking hands */
	PG_IDLE,       /* connected, no request */
	PG_PREPARING,  /* a request's statement is being prepared */
	PG_SETTING,    /* the session is told how to plan it */
	PG_RUNNING,    /* its result is awaited */
	PG_COMMITTING, /* behind a pooler: the transaction that the layer began for one statement */
	PG_CLEANING,   /* a refused request's transaction is being rolled back */
	PG_STATE_COUNT
};

struct pg_params {
	const char *values[PG_PARAM_LIMIT];
	int sizes[PG_PARAM_LIMIT];
	int formats[PG_PARAM_LIMIT];
	int count;
	struct arena *arena;
	bool failed; /* the arena was at its limit, or too many */
};

/* How the session plans what is executed. A refused statement may have taken a change with it. */
enum pg_plans {
	PLANS_FRESH, /* for the values of each execution */
	PLANS_KEPT,  /* once, whatever the values */
	PLANS_UNSURE,
};

/* The loop's side of waiting (pg_wait.c). */
struct pg_watch {
	struct io_poll poll;
	struct store *store;
	int fd, events; /* what is watched; fd -1: nothing */
	int wanted_fd, wanted_events;
	bool stopping;
};

/* Who is told when something was notified (pg_listen.c). */
struct pg_listen {
	struct store_bell *bell; /* NULL: nobody */
	struct store_request request;
	bool asked;    /* the request waits, or is being served */
	unsigned rung; /* and not told yet */
};

struct store {
	PGconn *conn;
	enum pg_state state;
	struct io_loop *loop;
	uint32_t tenant;
	usec day_zone;
	char *conninfo, *application, *options;
	char *begin;   /* how a transaction begins; behind a pooler with its settings */
	bool pooled;   /* behind a pooler: nothing outlives a transaction */
	bool no_scans; /* no table is read whole, whatever was known of it when a plan was made */
	bool looks_up; /* nor joined but by its keys */
	bool implicit; /* a transaction was begun for the sake of these settings */
	/* Several hosts, turned so that one which did not answer comes last; NULL: as they stand. */
	char *hosts, *addresses, *ports;
	unsigned turns;
	usec connect_timeout, statement_timeout;
	usec lease, journal_wait; /* of struct store_config */
	usec takeover_at;         /* a lease looks for silent engines first from then on */
	usec deadline;    /* of the answer awaited now */
	usec pause_until; /* no new connection before this */

	struct chain queue;
	struct store_request *active;
	unsigned step;        /* counted by the active request's step function */
	void *own;            /* what its steps keep between them, in scratch */
	struct arena scratch; /* forgotten after each request */
	struct pg_params params;
	PGresult *result;
	const char *statement; /* being prepared, or run */
	const char *text;      /* its text */
	enum pg_plans plans, wanted_plans; /* the session's; the statement's */
	str copy_data;         /* sent when the server asks for it */
	char prepared[PG_STATEMENT_LIMIT][PG_NAME_LIMIT];
	size_t prepared_count;
	uint64_t lease_token; /* counts this connection's leases */
	uint64_t lost_token;  /* of a lease whose end is not known; 0: none */
	uint64_t lost_claim_token; /* of a claim of transactional mail */
	bool dead;            /* the connection broke under the active request */

	struct pg_listen listen;
	struct pg_watch socket_watch, timer_watch;
	int timer_fd;
	usec timer_at;     /* when it fires; USEC_NEVER: it is not set */
	struct io_op soon; /* busy: driven in the loop's next round */
	bool driving; /* whatever is queued now is seen */
	bool closing;
};

/* Queues a request; without a loop serves it. */
void pg_submit(struct store *, struct store_request *, const struct store_work *);

/* For steps. Statements are named by their file under sql/queries, without ".sql"; parameters
 * are those put since the last statement. */
enum pg_next pg_run(struct store *, const char *file);
/* For one that runs many times and whose values do not decide how: its plan is kept. Planning
 * costs more than most statements do. */
enum pg_next pg_run_kept(struct store *, const char *file);
/* Name and text live on. */
enum pg_next pg_run_text(struct store *, const char *name, const char *text, enum pg_plans);
str pg_text_of(const char *file); /* a statement's text */
enum pg_next pg_begin(struct store *);
enum pg_next pg_commit(struct store *);
/* COPY ... FROM STDIN; data must live until the result. */
enum pg_next pg_copy(struct store *, const char *statement, str data);
/* One statement of fixed text, without parameters. */
enum pg_next pg_text(struct store *, const char *statement);
__attribute__((format(printf, 3, 4))) enum pg_next pg_fail(struct store *, enum store_result,
							   const char *format, ...);
/* Zeroed memory until the request ends. NULL ends in pg_fail(..., "memory"). */
void *pg_own(struct store *, size_t size);

/* Parameters, binary; they are copied or must live until the result. */
void pg_put_tenant(struct store *);
void pg_put_u32(struct store *, uint32_t); /* integer */
void pg_put_u64(struct store *, uint64_t); /* bigint */
void pg_put_bool(struct store *, bool);
void pg_put_text(struct store *, str);     /* cleaned; data NULL: NULL */
void pg_put_bytes(struct store *, str);    /* bytea */
void pg_put_raw_text(struct store *, str); /* in text format, for types that parse their text */
void pg_put_time(struct store *, usec wall); /* timestamptz; 0: NULL */
void pg_put_null(struct store *);
void pg_put_u64_array(struct store *, const uint64_t *, size_t count);
void pg_put_u32_array(struct store *, const uint32_t *, size_t count);
void pg_put_text_array(struct store *, const str *, size_t count);
void pg_put_time_array(struct store *, const usec *, size_t count); /* 0: NULL */
void pg_put_bytes_array(struct store *, const str *, size_t count);

/* Values of a result. Integers of any width; NULL reads as 0, false, {NULL, 0}. */
size_t pg_rows(const PGresult *);
size_t pg_affected(const PGresult *);
bool pg_is_null(const PGresult *, size_t row, int column);
uint64_t pg_u64(const PGresult *, size_t row, int column);
bool pg_bool(const PGresult *, size_t row, int column);
str pg_str(const PGresult *, size_t row, int column);   /* lives as long as the result */
usec pg_time(const PGresult *, size_t row, int column); /* timestamptz as wall time */
/* bigint[] without NULLs, in the request's scratch; NULL has none. False: there is no memory, or it is
 * no such array. */
[[nodiscard]] bool pg_u64_array(struct store *, const PGresult *, size_t row, int column,
				uint64_t **ret_values, size_t *ret_count);

/* COPY BINARY rows. */
void pg_copy_head(struct buf *);
void pg_copy_row(struct buf *, uint16_t column_count);
void pg_copy_u16(struct buf *, uint16_t);
void pg_copy_u32(struct buf *, uint32_t);
void pg_copy_u64(struct buf *, uint64_t);
void pg_copy_bool(struct buf *, bool);
void pg_copy_time(struct buf *, usec wall);              /* 0: NULL */
void pg_copy_text(struct buf *, str, size_t limit_size); /* cleaned */
/* Of so many elements, which follow: pg_copy_u32() each. */
void pg_copy_u32_array(struct buf *, size_t count);
/* The same of texts, by pg_copy_text(); what it returns is told at their end. */
size_t pg_copy_text_array(struct buf *, size_t count);
void pg_copy_text_array_end(struct buf *, size_t begun);
void pg_copy_tail(struct buf *);
/* Any bytes as UTF-8 that PostgreSQL takes: what is not becomes '?'. */
void pg_clean(struct buf *, str, size_t limit_size);

/* pg_wait.c: waking up with a loop. */
[[nodiscard]] int pg_wait_init(struct store *);
void pg_wait_for(struct store *, int fd, int events); /* events 0: nothing */
void pg_wait_afresh(struct store *, int fd, int events);
void pg_wait_until(struct store *, usec at); /* pg_drive() by then; earlier does no harm */
void pg_wait_little(struct store *);         /* pg_drive() in the loop's next round */
/* Something is to be done that needs a connection: soon, or when there may be another one. */
void pg_wake(struct store *);
void pg_wait_done(struct store *);           /* frees the store when all has stopped */

/* pg_error.c: what PostgreSQL's SQLSTATE (NULL: the connection itself broke) is to a request. */
struct pg_meaning {
	const char *state; /* all five signs, or the class's two */
	enum store_result result;
	const char *sentence; /* what happened, and what to do; empty: its own words say it */
};
const struct pg_meaning *pg_meaning(const char *sqlstate);

/* pg_connect.c: opening and losing. */
[[nodiscard]] int pg_connect(struct store *); /* begins; -1 when it failed at once */
void pg_drive_connecting(struct store *);
void pg_drop(struct store *); /* closes without telling anybody */
void pg_lose(struct store *); /* closes, and ends all that wait with STORE_LOST */
/* pg_listen.c: notifications. */
void pg_listen_begin(struct store *); /* on a new connection */
void pg_listen_take(struct store *);  /* what came in with other bytes */
void pg_listen_tell(struct store *);  /* calls the owner, who may close the store */
/* pg.c: something happened: goes as far as it can. */
void pg_drive(struct store *);
void pg_set_state(struct store *, enum pg_state);
usec pg_now(const struct store *);
/* One line, without the word ERROR and the line breaks that libpq puts in. */
void pg_say(char *why, size_t why_size, const char *text);
