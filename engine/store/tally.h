/* tally.h - counting a batch's outcomes by what the report asks for, as columns for one
 * statement. Private to engine/store. */
#pragma once

#include "engine/store/store.h"

struct tally {
	size_t count;
	uint64_t *campaigns, *counts;
	uint32_t *verdicts, *classes, *tries, *finals;
	str *providers;
	uint32_t *slots; /* index + 1 by hash */
	size_t slot_mask;
};

/* -1 when the arena is at its limit. */
[[nodiscard]] int tally_init(struct tally *, struct arena *, size_t outcome_count);
void tally_add(struct tally *, const struct store_outcome *, uint16_t class_number);
/* It was counted before, perhaps by another engine: sums over all of them are right. */
void tally_take(struct tally *, const struct store_outcome *, uint16_t class_number);
