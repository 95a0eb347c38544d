/* takeover.h - slices whose engine is gone: accounting for their recipients.
 * recover.c uses it for an engine's own earlier life, and a lease that finds nothing due looks
 * for one slice of somebody else's. Private to engine/store. */
#pragma once

#include "engine/store/ids.h"
#include "engine/store/pg.h"

/* A slice as somebody holds it, and who of it is to be sent or is in doubt. */
struct held {
	uint64_t id, campaign_id;
	uint64_t *ids; /* all; after held_account(): those to be sent */
	size_t count;
	uint64_t *doubtful; /* marked as started, and nothing more is known */
	usec *doubtful_at;  /* when each was marked */
	size_t doubtful_count;
	bool retry_in_doubt;
	uint32_t state;     /* of the slice, sql/README.md */
	uint32_t engine_id; /* whose it was */
};

/* Row: id, campaign, count, ids, in-doubt policy, state, engine. false: damaged, or no memory. */
[[nodiscard]] bool held_read(struct store *, struct held *, const PGresult *, size_t row);
/* The statement whose result held_account() takes: outcomes, remainders and marks of it. */
enum pg_next held_ask(struct store *, const struct held *);
[[nodiscard]] bool held_account(struct store *, struct held *, const PGresult *);
enum pg_next held_send_remainder(struct store *, const struct held *);
enum pg_next held_send_doubtful(struct store *, const struct held *, uint32_t engine_id);
enum pg_next held_close(struct store *, const struct held *, bool buried);

/* Inside a lease's transaction: looks for a slice to take over. Then takeover_step() with each
 * result until PG_DONE; the transaction is committed with it. *ret_due becomes 0 when there is
 * something to lease now. */
enum pg_next takeover_begin(struct store *, uint32_t engine_id, uint64_t campaign_id);
enum pg_next takeover_step(struct store *, const PGresult *, usec *ret_due);
