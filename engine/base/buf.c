/* buf.c - appending with sticky failure; see buf.h for who owns the memory. */
#include "engine/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/base/assert.h"

#define SMALLEST_GROWTH 64

void buf_init_fixed(struct buf *b, char *memory, size_t capacity)
{
	*b = (struct buf){.data = memory, .capacity = capacity};
}

void buf_init_arena(struct buf *b, struct arena *arena, size_t capacity_hint)
{
	*b = (struct buf){.arena = arena};
	if (capacity_hint) {
		b->data = arena_bytes(arena, capacity_hint);
		b->capacity = b->data ? capacity_hint : 0;
		b->failed = !b->data;
	}
}

void buf_reset(struct buf *b)
{
	b->size = 0;
	b->failed = false;
}

static bool grow(struct buf *b, size_t size)
{
	size_t wanted, doubled;
	if (!b->arena || __builtin_add_overflow(b->size, size, &wanted))
		return false;
	if (__builtin_mul_overflow(b->capacity, (size_t)2, &doubled) || doubled < wanted)
		doubled = wanted < SMALLEST_GROWTH ? SMALLEST_GROWTH : wanted;
	char *data = arena_bytes(b->arena, doubled);
	if (!data)
		return false;
	if (b->size)
		memcpy(data, b->data, b->size);
	b->data = data;
	b->capacity = doubled;
	return true;
}

char *buf_grow(struct buf *b, size_t size)
{
	if (b->failed)
		return NULL;
	if (!grow(b, size)) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->size;
}

void buf_advance(struct buf *b, size_t size)
{
	ASSERT(!b->failed && size <= b->capacity - b->size);
	b->size += size;
}

void buf_put_u64(struct buf *b, uint64_t value)
{
	char digits[20]; /* 2^64 - 1 has 20 */
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_put(b, (str){digits + at, sizeof digits - at});
}

void buf_put_i64(struct buf *b, int64_t value)
{
	if (value < 0)
		buf_put_byte(b, '-');
	buf_put_u64(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	if (b->failed)
		return;
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	size_t room = b->capacity - b->size;
	int wanted = vsnprintf(room ? b->data + b->size : NULL, room, format, arguments);
	/* vsnprintf wants a byte more for its NUL, which is not counted. */
	if (wanted >= 0 && (size_t)wanted >= room) {
		char *start = buf_reserve(b, (size_t)wanted + 1);
		if (start)
			vsnprintf(start, (size_t)wanted + 1, format, again);
	}
	va_end(again);
	va_end(arguments);
	if (wanted < 0)
		b->failed = true;
	if (!b->failed)
		b->size += (size_t)wanted;
}

void buf_put_printable(struct buf *b, str s, size_t limit_size)
{
	static const char digits[] = "0123456789abcdef";
	size_t shown = s.size < limit_size ? s.size : limit_size;
	for (size_t i = 0; i < shown; i++) {
		unsigned char byte = (unsigned char)s.data[i];
		if (byte < 0x20 || byte > 0x7e) {
			char text[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
			buf_put(b, (str){text, sizeof text});
		} else {
			if (byte == '\\')
				buf_put_byte(b, '\\');
			buf_put_byte(b, (char)byte);
		}
	}
	if (shown < s.size)
		buf_put_cstr(b, "...");
}
