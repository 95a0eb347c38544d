/* outbox.h - what transactional mail asks of the other requests of this folder: reading rows of
 * the outbox in place of subscribers, and telling a row what came of it. Private to
 * engine/store. */
#pragma once

#include "engine/store/pg.h"

/* read.c: the people or rows behind a read's ids. begin sends, or ends the request. */
enum pg_next read_begin(struct store *, struct store_read *);
[[nodiscard]] bool read_take(struct store_read *, const PGresult *);

/* settle.c: numbers as the tables have them. */
uint32_t store_status_number(struct status);
uint16_t store_class_number(const struct store_outcome *);

/* outbox_settle.c: sends what a batch says about rows; PG_DONE: nothing, or it failed. */
enum pg_next outbox_send_settled(struct store *, const struct store_outcome *const *outcomes,
				 size_t count);
