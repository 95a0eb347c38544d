/* map.h - byte-string keys to pointers: open addressing, linear probing, power-of-two table.
 * Keys are not copied: they must live (in an arena, or inside the value) as long as the entry.
 * Growth takes a new table from the arena and leaves the old one there; entries that come and
 * go at one size take a second table once, and then the two change places. */
#pragma once

#include "engine/base/arena.h"

struct map_entry {
	str key; /* data NULL: never used; value NULL with data set: removed */
	void *value;
	uint64_t hash;
};

struct map {
	struct arena *arena;
	struct map_entry *entries;
	struct map_entry *spare; /* another table of the same capacity, or NULL */
	size_t capacity, used_count, live_count;
	uint64_t seed;
};

/* seed keeps hostile keys from colliding on purpose; give a random one in production. */
void map_init(struct map *, struct arena *, uint64_t seed);
void *map_get(const struct map *, str key); /* NULL when absent */
/* Puts or replaces; value is not NULL. Returns -1 when the arena is at its limit. */
[[nodiscard]] int map_put(struct map *, str key, void *value);
void *map_remove(struct map *, str key); /* the value, or NULL */
/* Walks all entries: start with *index = 0; NULL at the end. Removing the current is allowed.
 */
struct map_entry *map_next(const struct map *, size_t *index);
