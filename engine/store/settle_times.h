/* settle_times.h - of a batch of outcomes, when each provider's attempts ended. Private to
 * engine/store. */
#pragma once

#include "engine/store/pg.h"

/* Sends the statement, inside of the settlement's transaction; PG_DONE: no attempts. */
enum pg_next settle_times_send(struct store *, uint32_t engine_id,
			       const struct store_outcome *const *outcomes, size_t count);
