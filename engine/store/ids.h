/* ids.h - sets of subscriber ids as slices hold them: ascending, without repeats.
 * Private to engine/store. */
#pragma once

#include "engine/base/arena.h"

/* Delta-coded (codec.h); data NULL when the arena is at its limit. */
str ids_encode(struct arena *, const uint64_t *ids, size_t count);
/* Ascending. */
void ids_sort(uint64_t *ids, size_t count);
/* Drops repeats of a sorted array; returns the new count. */
size_t ids_unique(uint64_t *ids, size_t count);
bool ids_contain(const uint64_t *ids, size_t count, uint64_t id);
/* Takes out of ids what stands in gone (both sorted); returns the new count. */
size_t ids_subtract(uint64_t *ids, size_t count, const uint64_t *gone, size_t gone_count);

/* A growing collection of ids, in no order. */
struct pile {
	uint64_t *ids;
	size_t count, capacity;
};
/* false: bad bytes, or the arena is at its limit. */
[[nodiscard]] bool pile_add(struct pile *, struct arena *, uint64_t id);
[[nodiscard]] bool pile_add_coded(struct pile *, struct arena *, str coded);
/* Sorts, and drops repeats. */
void pile_settle(struct pile *);
