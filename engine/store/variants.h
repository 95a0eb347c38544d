/* variants.h - counts a variant of a letter (templates/variant.h), as tally.h counts all. Each
 * function sends one statement: PG_DONE when there is nothing to say, or it failed. Private to
 * engine/store. */
#pragma once

#include "engine/store/pg.h"
#include "templates/variant.h"

enum { SLICE_STATE_OPEN = 0, SLICE_STATE_WAITING = 5 /* for the winner */ };

/* Whom a cut chose: VARIANT_LIMIT + 1 numbers, the rest's first. */
enum pg_next variants_send_chosen(struct store *, uint64_t campaign_id, const uint64_t *chosen);
/* What became of a batch, and what counts no longer; of these campaigns, sorted, with the split of each. */
enum pg_next variants_send_settled(struct store *, uint32_t engine_id,
				   const struct store_outcome *const *, size_t count,
				   const struct store_outcome *const *undone,
				   size_t undone_count, const uint64_t *campaigns, const struct variant_split *,
				   size_t campaign_count);
