/* prove.h - what prove_settle.c needs: a journal, a tenant to settle it in, all tables as one
 * text, and things that stand in a settlement's way. */
#pragma once

#include "engine/store/store.h"
#include "tests/history/proxy.h"

#define PROVE_OUTCOMES 300
#define PROVE_PEOPLE 60

struct prove {
	struct store *store;
	usec statement_timeout;
	uint32_t engine_id, epoch;
	uint64_t campaigns[3]; /* the last one is transactional */
	uint64_t slice, first_row;
	struct store_outcome outcomes[PROVE_OUTCOMES];
	char reference[64]; /* digest of the tables when all was settled once */
	char why[256], said[256];
	unsigned passed, failed, faults;
};

[[nodiscard]] bool prove_setup(struct prove *);
void prove_teardown(struct prove *);
/* Nothing is settled any more. */
void prove_begin(struct prove *);
int prove_settle(struct prove *, uint64_t from, uint64_t to);
int prove_position(struct prove *, uint64_t *ret);
/* All tables that a settlement touches, as one digest; static. */
const char *prove_digest(struct prove *);

void prove_equal(struct prove *, int is, int should);
void prove_same(struct prove *, const char *digest, const char *what);
__attribute__((format(printf, 2, 3))) void prove_fail(struct prove *, const char *format, ...);
/* Ends a claim: ok, or FAILED when anything since the last one did not hold. */
__attribute__((format(printf, 2, 3))) void prove_claim(struct prove *, const char *format, ...);

/* Of the database itself, without the proxy. */
const char *prove_conninfo(void);
void prove_connect(struct prove *);

/* ---- prove_obstacle.c ---- */

struct prove_obstacle {
	const char *name;
	const char *database; /* a setting of the database, "lock_timeout = '100ms'", or NULL */
	usec statement_timeout;
	const char *holds; /* what another session does first and keeps open, */
	const char *then; /* and what it does once the settlement waits for it, before it ends */
	bool commits;     /* it ends by a commit */
	bool kills;       /* the setting comes in mid-session: sessions begin anew under it */
	const char *says; /* in the sentence that the settlement ends with */
};
extern const struct prove_obstacle prove_obstacles[];

/* The store connects anew, under the obstacle's settings. */
void prove_reconnect(struct prove *, const struct prove_obstacle *);
void prove_obstruct(struct prove *, const struct prove_obstacle *);
void prove_clear(struct prove *);
/* Without any settings. */
void prove_calm(struct prove *);
