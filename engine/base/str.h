/* str.h - a view of bytes: pointer and length, never NUL-terminated, never owned.
 * It points into memory that somebody else keeps alive; the owner says for how long. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
	const char *data;
	size_t size;
} str;

#define STR(literal) ((str){(literal), sizeof(literal) - 1})
#define STR_FORMAT(s) (int)(s).size, (s).data /* for "%.*s" */
#define STR_NONE SIZE_MAX                      /* "not found" of the finders below */

static inline str str_of(const char *text)
{
	return (str){text, text ? strlen(text) : 0};
}

static inline str str_make(const char *data, size_t size)
{
	return (str){data, size};
}

/* The shortest of these stand here whole: a rendering calls them some hundred times. */
static inline bool str_eq(str a, str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool str_eq_nocase(str a, str b); /* ASCII letters only */
int str_compare(str a, str b);    /* bytewise, as memcmp, shorter first */
bool str_starts(str s, str prefix);
bool str_starts_nocase(str s, str prefix);
bool str_ends(str s, str suffix);
bool str_ends_nocase(str s, str suffix);

static inline size_t str_find_byte(str s, char byte) /* index or STR_NONE */
{
	const char *at = s.size ? memchr(s.data, byte, s.size) : NULL;
	return at ? (size_t)(at - s.data) : STR_NONE;
}

size_t str_rfind_byte(str s, char byte);
size_t str_find(str s, str needle);

/* Part of s from start, at most size bytes; both are clipped to s. */
static inline str str_sub(str s, size_t start, size_t size)
{
	size_t from = start < s.size ? start : s.size;
	size_t left = s.size - from;
	return (str){from ? s.data + from : s.data, size < left ? size : left};
}

static inline str str_from(str s, size_t start)
{
	return str_sub(s, start, s.size);
}

str str_trim(str s); /* space, tab, CR, LF off both ends */

/* Cuts *rest at the first byte: returns what stood before it and leaves in *rest what follows.
 * Without the byte, returns all and leaves *rest empty with a NULL pointer. */
str str_cut(str *rest, char byte);

/* Decimal digits only, the whole view, no sign; false on empty, other bytes or overflow. */
[[nodiscard]] bool str_to_u64(str s, uint64_t *ret_value);
/* With an optional leading minus. */
[[nodiscard]] bool str_to_i64(str s, int64_t *ret_value);

/* Copies into a char array with a NUL; false (and an empty string) if it does not fit. */
[[nodiscard]] bool str_to_cstr(str s, char *out, size_t out_size);
