/* json_value.c - see json_value.h. The depth bound keeps hostile data from using up the stack
 * here and in everything that walks values later. */
#include "engine/data/json_value.h"

#include <stdio.h>

enum { DEPTH_LIMIT = 100 };

static int from_json(struct arena *arena, const json_t *json, int depth,
		     struct value *ret_value);

static int string_from_json(struct arena *arena, const json_t *json, struct value *ret_value)
{
	str copy = arena_copy(arena, (str){json_string_value(json), json_string_length(json)});
	if (!copy.data)
		return -1;
	*ret_value = value_string(copy);
	return 0;
}

static int array_from_json(struct arena *arena, const json_t *json, int depth,
			   struct value *ret_value)
{
	size_t count = json_array_size(json);
	struct value *items = ARENA_ARRAY(arena, struct value, count + 1);
	if (!items)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (from_json(arena, json_array_get(json, i), depth + 1, &items[i]))
			return -1;
	*ret_value = value_array(items, count);
	return 0;
}

static int object_from_json(struct arena *arena, const json_t *json, int depth,
			    struct value *ret_value)
{
	json_t *object =
		(json_t *)json; /* jansson's iterators take it so, and change nothing */
	size_t count = 0, room = json_object_size(json);
	struct value_pair *pairs = ARENA_ARRAY(arena, struct value_pair, room + 1);
	if (!pairs)
		return -1;
	for (void *at = json_object_iter(object); at && count < room;
	     at = json_object_iter_next(object, at)) {
		struct value_pair *pair = &pairs[count++];
		pair->name = arena_copy(arena, str_of(json_object_iter_key(at)));
		if (!pair->name.data ||
		    from_json(arena, json_object_iter_value(at), depth + 1, &pair->value))
			return -1;
	}
	*ret_value = value_hash(pairs, count);
	return 0;
}

static int from_json(struct arena *arena, const json_t *json, int depth,
		     struct value *ret_value)
{
	if (depth > DEPTH_LIMIT)
		return -1;
	switch (json ? json_typeof(json) : JSON_NULL) {
	case JSON_OBJECT:
		return object_from_json(arena, json, depth, ret_value);
	case JSON_ARRAY:
		return array_from_json(arena, json, depth, ret_value);
	case JSON_STRING:
		return string_from_json(arena, json, ret_value);
	case JSON_INTEGER:
		*ret_value = value_int(json_integer_value(json));
		return 0;
	case JSON_REAL:
		*ret_value = value_float(json_real_value(json));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		*ret_value = value_bool(json_is_true(json));
		return 0;
	case JSON_NULL:
		break;
	}
	*ret_value = (struct value){.kind = VALUE_NIL};
	return 0;
}

int value_from_json(struct arena *arena, const json_t *json, struct value *ret_value)
{
	return from_json(arena, json, 0, ret_value);
}

int value_from_json_text(struct arena *arena, str text, struct value *ret_value, char *error,
			 size_t error_size)
{
	json_error_t problem;
	json_t *json =
		json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
	if (!json) {
		if (error)
			snprintf(error, error_size, "line %d, column %d: %s", problem.line,
				 problem.column, problem.text);
		return -1;
	}
	int result = value_from_json(arena, json, ret_value);
	json_decref(json);
	if (result && error)
		snprintf(error, error_size, "too large, or nested deeper than %d", DEPTH_LIMIT);
	return result;
}
