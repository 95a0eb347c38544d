/* value_text.c - see value_text.h. Recursion follows the data and is bounded by its depth. */
#include "templates/value_text.h"

#include "engine/mail/utf8.h"
#include "templates/value_number.h"

/* Where text goes, and how much of it there may be. */
struct writer {
	struct buf *out;
	size_t limit;
};

static void put(struct writer *, const struct value *, bool quoted, int depth);

static bool is_full(const struct writer *w)
{
	return w->out->failed || w->out->size > w->limit;
}

/* A string as a literal: quotes, backslashes and controls escaped. */
static void put_quoted(struct buf *out, str text)
{
	static const char escapes[] = "abtnvfr"; /* 7 to 13 */
	buf_put_byte(out, '"');
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool hash = c == '#' && i + 1 < text.size && memchr("{$@", text.data[i + 1], 3);
		if (c == '"' || c == '\\' || hash) {
			buf_put_byte(out, '\\');
			buf_put_byte(out, (char)c);
		} else if (c >= 7 && c <= 13) {
			buf_put_byte(out, '\\');
			buf_put_byte(out, escapes[c - 7]);
		} else if (c == 27) {
			buf_put_cstr(out, "\\e");
		} else if (c < 32 || c == 127) {
			buf_printf(out, "\\x%02X", c);
		} else {
			buf_put_byte(out, (char)c);
		}
	}
	buf_put_byte(out, '"');
}

static void put_array(struct writer *w, const struct value *array, int depth)
{
	struct buf *out = w->out;
	buf_put_byte(out, '[');
	for (size_t i = 0; i < array->array.count && !is_full(w); i++) {
		if (i)
			buf_put_cstr(out, ", ");
		put(w, &array->array.items[i], true, depth + 1);
	}
	buf_put_byte(out, ']');
}

static void put_hash(struct writer *w, const struct value *hash, int depth)
{
	struct buf *out = w->out;
	buf_put_byte(out, '{');
	for (size_t i = 0; i < hash->hash.count && !is_full(w); i++) {
		if (i)
			buf_put_cstr(out, ", ");
		put_quoted(out, hash->hash.pairs[i].name);
		buf_put_cstr(out, "=>");
		put(w, &hash->hash.pairs[i].value, true, depth + 1);
	}
	buf_put_byte(out, '}');
}

static void put(struct writer *w, const struct value *value, bool quoted, int depth)
{
	struct buf *out = w->out;
	char text[NUMBER_TEXT_SIZE];
	if (depth > VALUE_DEPTH_LIMIT)
		return;
	switch (value->kind) {
	case VALUE_NIL:
		buf_put_cstr(out, quoted ? "nil" : "");
		break;
	case VALUE_BOOL:
		buf_put_cstr(out, value->boolean ? "true" : "false");
		break;
	case VALUE_INT:
	case VALUE_FLOAT:
		buf_put(out, str_make(text, number_text(*value, text)));
		break;
	case VALUE_STRING:
		if (quoted)
			put_quoted(out, value->string);
		else
			buf_put(out, value->string);
		break;
	case VALUE_ARRAY:
		put_array(w, value, depth);
		break;
	case VALUE_HASH:
		put_hash(w, value, depth);
		break;
	case VALUE_RANGE:
		buf_put_i64(out, value->range.first);
		buf_put_cstr(out, "..");
		buf_put_i64(out, value->range.last);
		break;
	case VALUE_EMPTY:
	case VALUE_BLANK:
		break;
	}
}

void value_put(struct buf *out, const struct value *value, size_t limit)
{
	put(&(struct writer){out, limit}, value, false, 0);
}

bool value_is_empty(const struct value *value)
{
	switch (value->kind) {
	case VALUE_STRING:
		return value->string.size == 0;
	case VALUE_ARRAY:
		return value->array.count == 0;
	case VALUE_HASH:
		return value->hash.count == 0;
	default:
		return false;
	}
}

/* Size of the white space that the text begins with, of any alphabet; 0: none. */
static size_t space_size(str text)
{
	static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
					   "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
					   "\xe2\x81\x9f", "\xe3\x80\x80"};
	unsigned char c = (unsigned char)text.data[0];
	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return 1;
	if (text.size >= 3 && str_starts(text, STR("\xe2\x80")) &&
	    (unsigned char)text.data[2] <= 0x8a) /* U+2000 to U+200A */
		return 3;
	for (size_t i = 0; c >= 0x80 && i < sizeof wide / sizeof *wide; i++)
		if (str_starts(text, str_of(wide[i])))
			return strlen(wide[i]);
	return 0;
}

static bool is_space(str text)
{
	size_t size = 1;
	while (text.size && (size = space_size(text)) > 0)
		text = str_from(text, size);
	return text.size == 0;
}

bool value_is_blank(const struct value *value)
{
	if (value->kind == VALUE_STRING)
		return is_space(value->string);
	return !value_truthy(value) || value_is_empty(value);
}

static bool is_number(const struct value *value)
{
	return value->kind == VALUE_INT || value->kind == VALUE_FLOAT;
}

static bool equal(const struct value *a, const struct value *b, int depth, uint64_t *effort);

static bool take(uint64_t *effort, uint64_t amount)
{
	*effort -= amount < *effort ? amount : *effort;
	return *effort > 0;
}

static bool arrays_equal(const struct value *a, const struct value *b, int depth,
			 uint64_t *effort)
{
	if (a->array.count != b->array.count)
		return false;
	for (size_t i = 0; i < a->array.count; i++)
		if (!equal(&a->array.items[i], &b->array.items[i], depth + 1, effort))
			return false;
	return true;
}

static bool hashes_equal(const struct value *a, const struct value *b, int depth,
			 uint64_t *effort)
{
	if (a->hash.count != b->hash.count)
		return false;
	for (size_t i = 0; i < a->hash.count; i++) {
		const struct value *other = value_get(b, a->hash.pairs[i].name);
		if (!other || !take(effort, b->hash.count / 4) ||
		    !equal(&a->hash.pairs[i].value, other, depth + 1, effort))
			return false;
	}
	return true;
}

static bool asks(const struct value *question, const struct value *value, uint64_t *effort)
{
	if (value->kind == VALUE_STRING)
		take(effort, value->string.size / 4);
	return question->kind == VALUE_EMPTY ? value_is_empty(value) : value_is_blank(value);
}

static bool equal(const struct value *a, const struct value *b, int depth, uint64_t *effort)
{
	if (depth > VALUE_DEPTH_LIMIT || !take(effort, 1))
		return false;
	bool a_asks = a->kind == VALUE_EMPTY || a->kind == VALUE_BLANK;
	bool b_asks = b->kind == VALUE_EMPTY || b->kind == VALUE_BLANK;
	if (a_asks && b_asks)
		return false; /* as the reference: neither is a value */
	if (a_asks)
		return b->kind == a->kind || asks(a, b, effort);
	if (b_asks)
		return asks(b, a, effort);
	if (is_number(a) && is_number(b))
		return number_compare(*a, *b) == 0;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VALUE_BOOL:
		return a->boolean == b->boolean;
	case VALUE_STRING:
		return take(effort, a->string.size / 64) && str_eq(a->string, b->string);
	case VALUE_ARRAY:
		return arrays_equal(a, b, depth, effort);
	case VALUE_HASH:
		return hashes_equal(a, b, depth, effort);
	case VALUE_RANGE:
		return a->range.first == b->range.first && a->range.last == b->range.last;
	default:
		return true; /* nil */
	}
}

bool value_equal(const struct value *a, const struct value *b, uint64_t *effort)
{
	return equal(a, b, 0, effort);
}

int value_compare(const struct value *a, const struct value *b, uint64_t *effort)
{
	if (is_number(a) && is_number(b))
		return number_compare(*a, *b);
	if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
		return value_equal(a, b, effort) ? 0 : VALUE_INCOMPARABLE;
	take(effort, a->string.size / 64);
	int order = str_compare(a->string, b->string);
	return (order > 0) - (order < 0);
}

/* At most INT64_MAX, so that a loop's counters are never beyond an integer. */
size_t value_range_count(const struct value *range)
{
	int64_t first = range->range.first, last = range->range.last;
	if (last < first)
		return 0;
	uint64_t span = (uint64_t)last - (uint64_t)first;
	return span >= INT64_MAX ? INT64_MAX : (size_t)span + 1;
}

/* RFC 3629 4: UTF8-1 / UTF8-2 / UTF8-3 / UTF8-4; overlong forms are let pass as characters. */
size_t utf8_size(str s)
{
	unsigned char lead = (unsigned char)s.data[0];
	size_t size = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
	if (size > s.size)
		return 1;
	for (size_t i = 1; i < size; i++)
		if (((unsigned char)s.data[i] & 0xc0) != 0x80)
			return 1;
	return size;
}

/* How many of the next bytes are ASCII, eight at a time. */
static size_t ascii_run(str s)
{
	size_t at = 0;
	for (uint64_t word; at + sizeof word <= s.size; at += sizeof word) {
		memcpy(&word, s.data + at, sizeof word);
		if (word & 0x8080808080808080u)
			break;
	}
	return at;
}

/* Most text is ASCII: all bytes together, the last eight perhaps twice. */
static bool is_ascii(str s)
{
	uint64_t all = 0, eight;
	for (size_t at = 0; at + sizeof eight <= s.size; at += sizeof eight) {
		memcpy(&eight, s.data + at, sizeof eight);
		all |= eight;
	}
	if (s.size >= sizeof eight) {
		memcpy(&eight, s.data + s.size - sizeof eight, sizeof eight);
		all |= eight;
	}
	for (size_t at = 0; s.size < sizeof eight && at < s.size; at++)
		all |= (unsigned char)s.data[at];
	return !(all & 0x8080808080808080u);
}

size_t utf8_valid_size(str s)
{
	size_t at = 0, size = 1;
	if (is_ascii(s))
		return s.size;
	for (; at < s.size && size > 0; at += size)
		size = (unsigned char)s.data[at] < 0x80 ? 1 : utf8_char_size(str_from(s, at));
	return at;
}

size_t utf8_count(str s)
{
	size_t count = 0;
	while (s.size) {
		size_t run = ascii_run(s);
		count += run ? run : 1;
		s = str_from(s, run ? run : utf8_size(s));
	}
	return count;
}

size_t utf8_offset(str s, size_t index)
{
	size_t at = 0;
	while (index > 0 && at < s.size) {
		size_t run = ascii_run(str_sub(s, at, index));
		at += run ? run : utf8_size(str_from(s, at));
		index -= run ? run : 1;
	}
	return at;
}
