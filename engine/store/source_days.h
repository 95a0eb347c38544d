/* source_days.h - a batch's attempts, counted by the source, provider and day they belong to.
 * Private to engine/store. */
#pragma once

#include "engine/store/pg.h"

/* A stage of a settlement: sends its statement, or PG_DONE when no attempt counts. */
enum pg_next source_days_send(struct store *, const struct store_outcome *const *,
			      size_t count);
