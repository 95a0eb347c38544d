/* outbox.h - what transactional mail asks of the other requests of this folder: reading rows of
 * the outbox in place of subscribers, and telling a row what came of it. Private to
 * engine/store. */
#pragma once

#include "engine/store/pg.h"

/* read.c: the rows behind a read's ids. begin sends, or ends the request; take keeps what came, unless
 * keys of addresses are wrong: then it sends the right ones, once, and is to begin again behind them.
 * PG_DONE: taken, or it failed. */
enum pg_next read_outbox_begin(struct store *, struct store_read *);
enum pg_next read_outbox_take(struct store *, struct store_read *, const PGresult *,
			      bool *ret_mended);

/* Where a row's columns stand in a result. */
struct outbox_columns {
	int id, reason, address, name, attributes, expires, key;
};

/* read.c: a result with the whole rows of a read, attributes whole. False: one of them is not, or
 * there is no memory. */
[[nodiscard]] bool read_outbox_claimed(struct store_read *, const PGresult *,
				       const struct outbox_columns *);

/* outbox_keys.c: sends keys that those of a result are to be; PG_DONE: all are right, or it failed. */
enum pg_next outbox_mend_keys(struct store *, const PGresult *, const struct outbox_columns *);

/* settle.c: numbers as the tables have them. */
uint32_t store_status_number(struct status);
uint16_t store_class_number(const struct store_outcome *);

/* outbox_settle.c: sends what a batch says about rows; PG_DONE: nothing, or it failed. */
enum pg_next outbox_send_settled(struct store *, const struct store_outcome *const *outcomes,
				 size_t count);
