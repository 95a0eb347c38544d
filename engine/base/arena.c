/* arena.c - bump allocation out of blocks that come from above.
 * Each block begins with a header that links it to the one before. A request larger than an
 * ordinary block gets a block of its own, put *behind* the newest one, so that the free part of
 * the newest is not lost. */
#include "engine/base/arena.h"

#include "engine/base/assert.h"

/* For fuzzers that use one fixed arena again and again (-DARENA_GUARDS): ASan sees who touches
 * bytes of it that were not taken; between any two that were, some are left out. */
#ifdef ARENA_GUARDS
#include <sanitizer/asan_interface.h>
enum { GUARD_SIZE = 8, GUARD_ALIGNMENT = 8 };
#define GUARD(start, size) ASAN_POISON_MEMORY_REGION(start, size)
#define UNGUARD(start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#else
enum { GUARD_SIZE = 0, GUARD_ALIGNMENT = 1 };
#define GUARD(start, size) ((void)0)
#define UNGUARD(start, size) ((void)0)
#endif

#define ALIGNMENT 16
#define DEFAULT_BLOCK_SIZE ((size_t)64 * 1024)

struct arena_block {
	struct arena_block *next; /* older */
	size_t size;              /* with this header */
};
static_assert(sizeof(struct arena_block) % ALIGNMENT == 0);

void arena_init(struct arena *a, struct arena_source *source, size_t block_size,
		size_t limit_size)
{
	ASSERT(source != NULL);
	*a = (struct arena){
		.source = source,
		.block_size = block_size ? block_size : DEFAULT_BLOCK_SIZE,
		.limit_size = limit_size,
	};
	if (limit_size && a->block_size > limit_size)
		a->block_size = limit_size;
	ASSERT(a->block_size > sizeof(struct arena_block));
}

void arena_init_fixed(struct arena *a, void *memory, size_t size)
{
	*a = (struct arena){
		.at = memory,
		.end = (char *)memory + size,
		.taken_size = size,
		.limit_size = size,
	};
	GUARD(memory, size);
}

static void give_back_from(struct arena *a, struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		a->taken_size -= block->size;
		a->source->give_back(a->source, block, block->size);
		block = next;
	}
}

void arena_done(struct arena *a)
{
	give_back_from(a, a->first);
	if (!a->source)
		UNGUARD(a->end - a->taken_size, a->taken_size);
	*a = (struct arena){};
}

void arena_reset(struct arena *a)
{
	if (!a->source) {
		/* Fixed: the block is the caller's, of which the end and size are known. */
		GUARD(a->end - a->taken_size, (size_t)(a->at - (a->end - a->taken_size)));
		a->at = a->end - a->taken_size;
		return;
	}
	/* As a rule nothing but one ordinary block. It is not looked at: another thread may have
	 * written it last, and fetching its line costs more than all the rest here. */
	if (a->first && a->taken_size == a->block_size) {
		a->at = (char *)(a->first + 1);
		a->end = (char *)a->first + a->block_size;
		return;
	}
	struct arena_block *kept = NULL;
	for (struct arena_block **link = &a->first; *link; link = &(*link)->next) {
		if ((*link)->size == a->block_size) {
			kept = *link;
			*link = kept->next;
			break;
		}
	}
	give_back_from(a, a->first);
	a->first = kept;
	a->at = a->end = NULL;
	if (kept) {
		kept->next = NULL;
		a->at = (char *)(kept + 1);
		a->end = (char *)kept + kept->size;
	}
}

static struct arena_block *take_block(struct arena *a, size_t size)
{
	if (!a->source)
		return NULL;
	if (a->limit_size && size > a->limit_size - a->taken_size)
		return NULL;
	struct arena_block *block = a->source->get(a->source, size);
	if (!block)
		return NULL;
	block->size = size;
	a->taken_size += size;
	return block;
}

static char *from_own_block(struct arena *a, size_t size)
{
	size_t block_size;
	if (__builtin_add_overflow(size, sizeof(struct arena_block), &block_size))
		return NULL;
	struct arena_block *block = take_block(a, block_size);
	if (!block)
		return NULL;
	struct arena_block **link = a->first ? &a->first->next : &a->first;
	block->next = *link;
	*link = block;
	return (char *)(block + 1);
}

static char *from_new_block(struct arena *a, size_t size)
{
	/* Near the limit the last block is what is left of it. */
	size_t block_size = a->block_size;
	if (a->limit_size && block_size > a->limit_size - a->taken_size)
		block_size = a->limit_size - a->taken_size;
	if (block_size < sizeof(struct arena_block) + size)
		return NULL;
	struct arena_block *block = take_block(a, block_size);
	if (!block)
		return NULL;
	block->next = a->first;
	a->first = block;
	char *start = (char *)(block + 1);
	a->at = start + size;
	a->end = (char *)block + block->size;
	return start;
}

static char *take(struct arena *a, size_t size, size_t alignment)
{
	if (alignment < GUARD_ALIGNMENT)
		alignment = GUARD_ALIGNMENT;
	size_t padding = -(uintptr_t)a->at & (alignment - 1);
	size_t room = (size_t)(a->end - a->at);
	if (a->at && padding <= room && size <= room - padding) {
		char *start = a->at + padding;
		UNGUARD(start, size);
		a->at = start + size;
		if (GUARD_SIZE <= a->end - a->at)
			a->at += GUARD_SIZE;
		return start;
	}
	size_t block_room = a->block_size - sizeof(struct arena_block);
	/* A new block would throw the rest of the newest away: not for a large request. */
	if (size > block_room || (a->first && size > block_room / 4))
		return from_own_block(a, size);
	return from_new_block(a, size);
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *start = take(a, size, ALIGNMENT);
	return start ? memset(start, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return arena_alloc(a, total);
}

void *arena_raw(struct arena *a, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return take(a, total, ALIGNMENT);
}

char *arena_bytes(struct arena *a, size_t size)
{
	return take(a, size, 1);
}

str arena_copy(struct arena *a, str s)
{
	char *copy = s.size < SIZE_MAX ? arena_bytes(a, s.size + 1) : NULL;
	if (!copy)
		return (str){NULL, 0};
	if (s.size)
		memcpy(copy, s.data, s.size);
	copy[s.size] = '\0';
	return (str){copy, s.size};
}
