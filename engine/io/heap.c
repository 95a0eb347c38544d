/* heap.c - arena blocks from the allocator of the C library. */
#include "engine/io/heap.h"

#include <stdlib.h>

static void *heap_get(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void heap_give_back(struct arena_source *, void *block, size_t)
{
	free(block);
}

struct arena_source *heap_source(void)
{
	static struct arena_source source = {heap_get, heap_give_back};
	return &source;
}
