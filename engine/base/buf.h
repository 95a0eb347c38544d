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

void buf_put(struct buf *, str);
void buf_put_cstr(struct buf *, const char *);
void buf_put_byte(struct buf *, char);
void buf_put_u64(struct buf *, uint64_t);
void buf_put_i64(struct buf *, int64_t);
/* printf into the buffer; for cold paths only. */
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *, const char *format, ...);
/* Text from outside made printable: controls and bytes over 126 as \xHH, backslash doubled.
 * For logs, terminals and error sentences. At most limit_size bytes of it, then "...". */
void buf_put_printable(struct buf *, str, size_t limit_size);

/* Room for size bytes at the end, to be filled by the caller and then counted with
 * buf_advance(); NULL (and failed) when there is none. */
[[nodiscard]] char *buf_reserve(struct buf *, size_t size);
void buf_advance(struct buf *, size_t size);

static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline str buf_str(const struct buf *b)
{
	return (str){b->data, b->size};
}
