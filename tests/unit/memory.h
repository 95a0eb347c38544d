/* memory.h - an arena_source for tests: counts what is out and can be told to run dry. */
#pragma once

#include <stdlib.h>

#include "engine/base/arena.h"

struct counting_source {
	struct arena_source source; /* first: the callbacks cast back */
	size_t out_count, out_size, get_count;
	size_t gets_left; /* get fails once this is 0 */
};

static inline void *counting_get(struct arena_source *source, size_t size)
{
	struct counting_source *s = (struct counting_source *)source;
	if (s->gets_left == 0)
		return NULL;
	void *block = malloc(size);
	if (!block)
		return NULL;
	memset(block, 0xa5, size); /* so that a missing memset shows */
	s->gets_left--;
	s->get_count++;
	s->out_count++;
	s->out_size += size;
	return block;
}

static inline void counting_give_back(struct arena_source *source, void *block, size_t size)
{
	struct counting_source *s = (struct counting_source *)source;
	s->out_count--;
	s->out_size -= size;
	free(block);
}

static inline void counting_source_init(struct counting_source *s)
{
	*s = (struct counting_source){.source = {counting_get, counting_give_back},
				      .gets_left = SIZE_MAX};
}
