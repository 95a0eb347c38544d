/* arena.h - memory that is given back all at once.
 * Blocks come from above through an arena_source, so this floor calls no allocator; an arena
 * may be bounded, and running out is an ordinary NULL. Nothing inside is freed one by one. */
#pragma once

#include "engine/base/str.h"

struct arena_source {
	void *(*get)(struct arena_source *, size_t size); /* NULL when there is none */
	void (*give_back)(struct arena_source *, void *block, size_t size);
};

struct arena_block;
struct arena {
	struct arena_source *source;
	struct arena_block *first; /* newest block */
	char *at, *end;            /* free part of the newest block */
	size_t block_size;         /* size of an ordinary block */
	size_t taken_size;         /* bytes of all blocks held */
	size_t limit_size;         /* never holds more than this; 0: no limit */
};

/* source must outlive the arena. block_size 0 means 64 KiB. */
void arena_init(struct arena *, struct arena_source *, size_t block_size, size_t limit_size);
/* An arena over memory of the caller's, which never grows. */
void arena_init_fixed(struct arena *, void *memory, size_t size);
void arena_done(struct arena *);  /* gives every block back */
void arena_reset(struct arena *); /* forgets all contents, keeps one ordinary block */

/* Zeroed memory aligned to 16, or NULL at the limit. */
[[nodiscard]] void *arena_alloc(struct arena *, size_t size);
[[nodiscard]] void *arena_array(struct arena *, size_t count, size_t size); /* overflow: NULL */
/* As arena_array(), not zeroed and not touched: for what is written before it is read. */
[[nodiscard]] void *arena_raw(struct arena *, size_t count, size_t size);
/* Not zeroed, aligned to 1: for bytes. */
[[nodiscard]] char *arena_bytes(struct arena *, size_t size);
/* A copy that lives as long as the arena (and has a NUL behind it); data NULL at the limit. */
str arena_copy(struct arena *, str);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array((arena), (count), sizeof(type)))
