/* str.c - comparing, searching, cutting and reading views of bytes.
 * Letters mean ASCII letters: what is case-blind in mail (verbs, header names, domains as
 * A-labels) is ASCII, and a locale must never change what matches. */
#include "engine/base/str.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* memcmp wants pointers that point somewhere even for nothing; an empty view may hold NULL. */
static bool same(const char *a, const char *b, size_t size)
{
	return size == 0 || memcmp(a, b, size) == 0;
}

static bool same_nocase(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

bool str_eq_nocase(str a, str b)
{
	return a.size == b.size && same_nocase(a.data, b.data, a.size);
}

int str_compare(str a, str b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;
	if (order != 0)
		return order < 0 ? -1 : 1;
	return (a.size > b.size) - (a.size < b.size);
}

bool str_starts(str s, str prefix)
{
	return s.size >= prefix.size && same(s.data, prefix.data, prefix.size);
}

bool str_starts_nocase(str s, str prefix)
{
	return s.size >= prefix.size && same_nocase(s.data, prefix.data, prefix.size);
}

bool str_ends(str s, str suffix)
{
	return s.size >= suffix.size && str_eq(str_from(s, s.size - suffix.size), suffix);
}

bool str_ends_nocase(str s, str suffix)
{
	return s.size >= suffix.size &&
	       str_eq_nocase(str_from(s, s.size - suffix.size), suffix);
}

size_t str_rfind_byte(str s, char byte)
{
	const char *at = s.size ? memrchr(s.data, byte, s.size) : NULL;
	return at ? (size_t)(at - s.data) : STR_NONE;
}

size_t str_find(str s, str needle)
{
	if (needle.size == 0)
		return 0;
	const char *at = s.size ? memmem(s.data, s.size, needle.data, needle.size) : NULL;
	return at ? (size_t)(at - s.data) : STR_NONE;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str str_trim(str s)
{
	while (s.size && is_space(s.data[s.size - 1]))
		s.size--;
	while (s.size && is_space(s.data[0])) {
		s.data++;
		s.size--;
	}
	return s;
}

str str_cut(str *rest, char byte)
{
	size_t at = str_find_byte(*rest, byte);
	str first = *rest;
	if (at == STR_NONE) {
		*rest = (str){NULL, 0};
		return first;
	}
	first.size = at;
	*rest = str_from(*rest, at + 1);
	return first;
}

bool str_to_u64(str s, uint64_t *ret_value)
{
	if (s.size == 0)
		return false;
	uint64_t value = 0;
	for (size_t i = 0; i < s.size; i++) {
		unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';
		if (digit > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool str_to_i64(str s, int64_t *ret_value)
{
	bool negative = s.size && s.data[0] == '-';
	uint64_t magnitude;
	if (!str_to_u64(str_from(s, negative), &magnitude))
		return false;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	/* Unsigned negation: the smallest int64 has no positive twin. */
	*ret_value = (int64_t)(negative ? 0 - magnitude : magnitude);
	return true;
}

bool str_to_cstr(str s, char *out, size_t out_size)
{
	if (out_size == 0)
		return false;
	/* A NUL inside would silently cut the text for every C function that reads it. */
	bool fits = s.size < out_size && str_find_byte(s, '\0') == STR_NONE;
	if (fits && s.size)
		memcpy(out, s.data, s.size);
	out[fits ? s.size : 0] = '\0';
	return fits;
}
