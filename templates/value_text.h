/* value_text.h - private to the room: values as text, compared and as conditions. */
#pragma once

#include "templates/value.h"

enum { VALUE_DEPTH_LIMIT = 100 }; /* of arrays in arrays: deeper ones are shown as nothing */

/* As filters see text: nil is empty, arrays and hashes as the reference writes them down. Stops
 * where out grows larger than limit. */
void value_put(struct buf *out, const struct value *, size_t limit);
/* nil and false are not. */
static inline bool value_truthy(const struct value *value)
{
	return value->kind != VALUE_NIL && (value->kind != VALUE_BOOL || value->boolean);
}
/* Takes from *effort for each item looked at, and gives up (false) when none is left. */
bool value_equal(const struct value *, const struct value *, uint64_t *effort);
bool value_is_empty(const struct value *); /* "", [], {} */
bool value_is_blank(const struct value *); /* these, white space, nil and false */
/* < 0, 0, > 0, or VALUE_INCOMPARABLE. */
enum { VALUE_INCOMPARABLE = 2 };
int value_compare(const struct value *, const struct value *, uint64_t *effort);
size_t value_range_count(const struct value *range);

/* UTF-8: how many bytes the character at the start of s (not empty) takes; bytes that are no
 * UTF-8 count as one character each. */
size_t utf8_size(str s);
/* The size of what is UTF-8 from the start on: s.size when all of it is. */
size_t utf8_valid_size(str s);
size_t utf8_count(str s);
/* Where the character of that index begins; s.size behind the last. */
size_t utf8_offset(str s, size_t index);
