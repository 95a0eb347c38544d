/* value.h - the data a template sees: nil, truth, numbers, strings, arrays, hashes. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/buf.h"

enum value_kind {
	VALUE_NIL,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_ARRAY,
	VALUE_HASH,
	VALUE_RANGE,
	VALUE_EMPTY,
	VALUE_BLANK,
};

struct value;
struct value_pair;

struct value {
	enum value_kind kind;
	bool safe; /* a string that is HTML already: not escaped again */
	union {
		bool boolean;
		int64_t integer;
		double number;
		str string;
		struct {
			const struct value *items;
			size_t count;
		} array;
		struct {
			const struct value_pair *pairs; /* in the order of the data */
			size_t count;
		} hash;
		struct {
			int64_t first, last;
		} range;
	};
};

struct value_pair {
	str name;
	struct value value;
};

static inline struct value value_string(str s)
{
	return (struct value){.kind = VALUE_STRING, .string = s};
}

static inline struct value value_int(int64_t n)
{
	return (struct value){.kind = VALUE_INT, .integer = n};
}

static inline struct value value_bool(bool truth)
{
	return (struct value){.kind = VALUE_BOOL, .boolean = truth};
}

static inline struct value value_float(double number)
{
	return (struct value){.kind = VALUE_FLOAT, .number = number};
}

static inline struct value value_array(const struct value *items, size_t count)
{
	return (struct value){.kind = VALUE_ARRAY, .array = {items, count}};
}

static inline struct value value_hash(const struct value_pair *pairs, size_t count)
{
	return (struct value){.kind = VALUE_HASH, .hash = {pairs, count}};
}

const struct value *value_get(const struct value *hash, str name); /* NULL when absent */

/* One scalar of JSON text ("\"Ann\"", "12", "true", "null") without a full parser; objects,
 * arrays and strings with escapes go through value_from_json() in engine/api (jansson). False:
 * it is not a plain scalar. The string points into text. */
[[nodiscard]] bool value_from_json_scalar(str text, struct value *ret_value);
