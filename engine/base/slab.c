/* slab.c - a free list threaded through the objects themselves; those that were never borrowed lie
 * behind it untouched, so what a slab could hold and never does costs addresses, not memory. */
#include "engine/base/slab.h"

#include "engine/base/assert.h"

#define ALIGNMENT 16

int slab_init(struct slab *s, struct arena *arena, size_t object_size, size_t count)
{
	size_t rounded;
	if (__builtin_add_overflow(object_size, (size_t)ALIGNMENT - 1, &rounded))
		return -1;
	rounded &= ~((size_t)ALIGNMENT - 1);
	if (rounded == 0)
		rounded = ALIGNMENT;
	char *memory = arena_raw(arena, count, rounded);
	if (!memory)
		return -1;
	*s = (struct slab){.memory = memory, .object_size = rounded, .count = count};
	return 0;
}

void *slab_borrow(struct slab *s)
{
	void **object = s->free;
	if (object)
		s->free = *object;
	else if (s->fresh < s->count)
		object = (void **)(void *)(s->memory + s->fresh++ * s->object_size);
	else
		return NULL;
	s->borrowed_count++;
	return object;
}

void slab_give_back(struct slab *s, void *object)
{
	size_t offset = (size_t)((char *)object - s->memory);
	ASSERT(s->borrowed_count > 0);
	ASSERT(offset < s->fresh * s->object_size && offset % s->object_size == 0);
	*(void **)object = s->free;
	s->free = object;
	s->borrowed_count--;
}
