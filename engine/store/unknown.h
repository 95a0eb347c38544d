/* unknown.h - replies that no rule knows, counted by what they have in common. Private to
 * engine/store. */
#pragma once

#include "engine/store/pg.h"

/* Sends the statement that counts those among a batch's outcomes; PG_DONE when there are none
 * (or it failed). */
enum pg_next unknown_send(struct store *, const struct store_outcome *const *, size_t count);
