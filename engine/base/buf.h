/* buf.h - bytes being written, with sticky failure.
 * Writers never check as they go: the first write that does not fit sets failed and all later
 * ones do nothing; the owner asks buf_ok() once at the end. Memory is the caller's (fixed) or
 * an arena's (grows by doubling; the old bytes stay in the arena). */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/str.h"

struct buf {
	char *data;
	size_t size, capacity;
	struct arena *arena; /* NULL: fixed */
	bool failed;
};

void buf_init_fixed(struct buf *, char *memory, size_t capacity);
void buf_init_arena(struct buf *, struct arena *, size_t capacity_hint);
void buf_reset(struct buf *); /* empty, and no longer failed */

static inline void buf_put(struct buf *, str);
static inline void buf_put_cstr(struct buf *, const char *);
static inline void buf_put_byte(struct buf *, char);
void buf_put_u64(struct buf *, uint64_t);
void buf_put_i64(struct buf *, int64_t);
/* printf into the buffer; for cold paths only. */
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *, const char *format, ...);
/* Text from outside made printable: controls and bytes over 126 as \xHH, backslash doubled.
 * For logs, terminals and error sentences. At most limit_size bytes of it, then "...". */
void buf_put_printable(struct buf *, str, size_t limit_size);

/* Room for size bytes at the end, to be filled by the caller and then counted with
 * buf_advance(); NULL (and failed) when there is none. */
[[nodiscard]] static inline char *buf_reserve(struct buf *, size_t size);
void buf_advance(struct buf *, size_t size);

static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline str buf_str(const struct buf *b)
{
	return (str){b->data, b->size};
}

/* The common case stands here: a rendering puts some hundred pieces. */
[[nodiscard]] char *buf_grow(struct buf *, size_t size); /* buf_reserve()'s rare half */

static inline char *buf_reserve(struct buf *b, size_t size)
{
	if (!b->failed && b->data && size <= b->capacity - b->size)
		return b->data + b->size;
	return buf_grow(b, size);
}

static inline void buf_put(struct buf *b, str s)
{
	char *room = s.size ? buf_reserve(b, s.size) : NULL;
	if (!room)
		return;
	memcpy(room, s.data, s.size);
	b->size += s.size;
}

static inline void buf_put_cstr(struct buf *b, const char *text)
{
	buf_put(b, str_of(text));
}

static inline void buf_put_byte(struct buf *b, char byte)
{
	char *room = buf_reserve(b, 1);
	if (!room)
		return;
	*room = byte;
	b->size++;
}
