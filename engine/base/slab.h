/* slab.h - a fixed number of equal objects, borrowed and given back; no allocation after init.
 * One thread borrows and gives back. Objects are not cleared, neither on
 * borrow nor before: memory is touched first by who borrows it. */
#pragma once

#include "engine/base/arena.h"

struct slab {
	char *memory;
	void *free; /* first object given back; each holds the next */
	size_t object_size, count, borrowed_count;
	size_t fresh; /* those from here on were never borrowed */
};

/* Memory for count objects comes from the arena; -1 at its limit. */
[[nodiscard]] int slab_init(struct slab *, struct arena *, size_t object_size, size_t count);
[[nodiscard]] void *slab_borrow(struct slab *); /* NULL when all are out */
void slab_give_back(struct slab *, void *object);

/* What is borrowed next, not looked at: to ask for its memory ahead. NULL: none is left. */
static inline void *slab_next(const struct slab *s)
{
	if (s->free)
		return s->free;
	return s->fresh < s->count ? s->memory + s->fresh * s->object_size : NULL;
}

static inline size_t slab_free_count(const struct slab *s)
{
	return s->count - s->borrowed_count;
}
