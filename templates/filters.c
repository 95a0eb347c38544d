/* filters.c - the table of filters, and what they share. */
#include "templates/filters.h"

#include <math.h>

#include "templates/value_number.h"
#include "templates/value_text.h"

static const struct filter filters[] = {
	{"abs", 0, 0, false, false, filter_abs},
	{"append", 1, 1, false, false, filter_append},
	{"at_least", 1, 1, false, false, filter_at_least},
	{"at_most", 1, 1, false, false, filter_at_most},
	{"base64_decode", 0, 0, false, false, filter_base64_decode},
	{"base64_encode", 0, 0, false, false, filter_base64_encode},
	{"base64_url_safe_decode", 0, 0, false, false, filter_base64_url_safe_decode},
	{"base64_url_safe_encode", 0, 0, false, false, filter_base64_url_safe_encode},
	{"capitalize", 0, 0, false, true, filter_capitalize},
	{"ceil", 0, 0, false, false, filter_ceil},
	{"compact", 0, 1, false, false, filter_compact},
	{"concat", 1, 1, false, false, filter_concat},
	{"date", 1, 1, true, false, filter_date},
	{"default", 0, 2, true, false, filter_default},
	{"divided_by", 1, 1, false, false, filter_divided_by},
	{"downcase", 0, 0, false, true, filter_downcase},
	{"escape", 0, 0, false, false, filter_escape},
	{"escape_once", 0, 0, false, false, filter_escape_once},
	{"find", 1, 2, false, false, filter_find_item},
	{"find_index", 1, 2, false, false, filter_find_index},
	{"first", 0, 0, false, false, filter_first},
	{"floor", 0, 0, false, false, filter_floor},
	{"h", 0, 0, false, false, filter_escape},
	{"has", 1, 2, false, false, filter_has},
	{"join", 0, 1, false, false, filter_join},
	{"last", 0, 0, false, false, filter_last},
	{"link_track", 3, 3, false, true, filter_link_track},
	{"link_utm", 1, 2, false, true, filter_link_utm},
	{"lstrip", 0, 0, false, true, filter_lstrip},
	{"map", 1, 1, false, false, filter_map},
	{"minus", 1, 1, false, false, filter_minus},
	{"modulo", 1, 1, false, false, filter_modulo},
	{"money", 1, 1, true, false, filter_money},
	{"newline_to_br", 0, 0, false, false, filter_newline_to_br},
	{"number", 0, 0, true, false, filter_number},
	{"plus", 1, 1, false, false, filter_plus},
	{"prepend", 1, 1, false, false, filter_prepend},
	{"raw", 0, 0, false, false, filter_raw},
	{"reject", 1, 2, false, false, filter_reject},
	{"remove", 1, 1, false, true, filter_remove},
	{"remove_first", 1, 1, false, true, filter_remove_first},
	{"remove_last", 1, 1, false, true, filter_remove_last},
	{"replace", 1, 2, false, true, filter_replace},
	{"replace_first", 1, 2, false, true, filter_replace_first},
	{"replace_last", 2, 2, false, true, filter_replace_last},
	{"reverse", 0, 0, false, false, filter_reverse},
	{"round", 0, 1, false, false, filter_round},
	{"rstrip", 0, 0, false, true, filter_rstrip},
	{"size", 0, 0, false, false, filter_size},
	{"slice", 1, 2, false, true, filter_slice},
	{"sort", 0, 1, false, false, filter_sort},
	{"sort_natural", 0, 1, false, false, filter_sort_natural},
	{"split", 1, 1, false, false, filter_split},
	{"strip", 0, 0, false, true, filter_strip},
	{"strip_html", 0, 0, false, false, filter_strip_html},
	{"strip_newlines", 0, 0, false, true, filter_strip_newlines},
	{"sum", 0, 1, false, false, filter_sum},
	{"t", 0, 0, true, false, filter_t},
	{"times", 1, 1, false, false, filter_times},
	{"track", 1, 1, false, true, filter_track},
	{"truncate", 0, 2, false, true, filter_truncate},
	{"truncatewords", 0, 2, false, true, filter_truncatewords},
	{"uniq", 0, 1, false, false, filter_uniq},
	{"upcase", 0, 0, false, true, filter_upcase},
	{"url_decode", 0, 0, false, false, filter_url_decode},
	{"url_encode", 0, 0, false, false, filter_url_encode},
	{"where", 1, 2, false, false, filter_where},
};

enum { FILTER_COUNT = sizeof filters / sizeof *filters };

static int pass(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	*ret = input->value;
	return 0;
}

const struct filter filter_unknown = {"", 0, UINT8_MAX, true, true, pass};

const struct filter *filter_find(str name)
{
	for (size_t i = 0; i < FILTER_COUNT; i++)
		if (str_eq(name, str_of(filters[i].name)))
			return &filters[i];
	return NULL;
}

void filter_suggest(char *out, size_t out_size, str name)
{
	const char *names[FILTER_COUNT + 1] = {};
	for (size_t i = 0; i < FILTER_COUNT; i++)
		names[i] = filters[i].name;
	liquid_suggest(out, out_size, name, names);
}

bool filter_text(struct liquid_frame *f, const struct filter_input *input, str *ret_text)
{
	return frame_text(f, &input->value, ret_text);
}

bool filter_argument_text(struct liquid_frame *f, const struct filter_input *input,
			  size_t index, str *ret_text)
{
	const struct value *argument = &input->arguments[index];
	if (!frame_text(f, argument, ret_text))
		return false;
	bool escape = frame_escapes(f) && input->value.kind == VALUE_STRING &&
		      input->value.safe && !(argument->kind == VALUE_STRING && argument->safe);
	return !escape || frame_escape(f, *ret_text, ret_text);
}

int filter_argument_integer(struct liquid_frame *f, const struct filter_input *input,
			    size_t index, int64_t otherwise, int64_t *ret_integer)
{
	*ret_integer = otherwise;
	if (index >= input->count || value_to_integer(input->arguments[index], ret_integer))
		return 0;
	return frame_fail(f, "an argument of this filter is not an integer");
}

void filter_begin(struct liquid_frame *f, struct buf *out, size_t size_hint)
{
	buf_init_arena(out, f->scratch, size_hint + 1);
}

int filter_finish(struct liquid_frame *f, const struct buf *out, struct value *ret)
{
	if (!buf_ok(out))
		return frame_fail(f, "out of memory");
	if (out->capacity > f->memory_left)
		return frame_memory_fail(f);
	f->memory_left -= out->capacity;
	*ret = value_string(buf_str(out));
	return frame_effort(f, out->capacity / EFFORT_BYTES) ? 0 : -1;
}

/* How many items there are without nesting; false when looking takes too long. */
static bool count_flat(struct liquid_frame *f, const struct value *array, int depth,
		       size_t *count)
{
	if (!frame_effort(f, array->array.count / 2))
		return false;
	for (size_t i = 0; i < array->array.count; i++) {
		const struct value *item = &array->array.items[i];
		if (item->kind != VALUE_ARRAY || depth >= VALUE_DEPTH_LIMIT)
			++*count;
		else if (!count_flat(f, item, depth + 1, count))
			return false;
	}
	return true;
}

static struct value *flatten(const struct value *array, int depth, struct value *to)
{
	for (size_t i = 0; i < array->array.count; i++) {
		const struct value *item = &array->array.items[i];
		if (item->kind == VALUE_ARRAY && depth < VALUE_DEPTH_LIMIT)
			to = flatten(item, depth + 1, to);
		else
			*to++ = *item;
	}
	return to;
}

static bool is_flat(const struct value *array)
{
	for (size_t i = 0; i < array->array.count; i++)
		if (array->array.items[i].kind == VALUE_ARRAY)
			return false;
	return true;
}

static int list_range(struct liquid_frame *f, const struct value *range, struct list *ret_list)
{
	size_t count = value_range_count(range);
	struct value *values = frame_alloc(f, count, sizeof *values);
	if (!values)
		return -1;
	for (size_t i = 0; i < count; i++)
		values[i] = value_int((int64_t)((uint64_t)range->range.first + i));
	*ret_list = (struct list){values, count};
	return 0;
}

int filter_list(struct liquid_frame *f, const struct value *value, struct list *ret_list)
{
	if (value->kind == VALUE_RANGE)
		return list_range(f, value, ret_list);
	if (value->kind != VALUE_ARRAY) {
		*ret_list = (struct list){value, value->kind != VALUE_NIL};
		return 0;
	}
	if (!frame_effort(f, value->array.count / 4))
		return -1;
	if (is_flat(value)) {
		*ret_list = (struct list){value->array.items, value->array.count};
		return 0;
	}
	size_t count = 0;
	if (!count_flat(f, value, 0, &count))
		return -1;
	struct value *values = frame_alloc(f, count, sizeof *values);
	if (!values)
		return -1;
	flatten(value, 0, values);
	*ret_list = (struct list){values, count};
	return 0;
}

static int fail_property(struct liquid_frame *f, const struct value *property)
{
	str name;
	if (!frame_text(f, property, &name))
		return -1;
	return frame_fail(f, "cannot select the property '%.*s'",
			  STR_FORMAT(str_sub(name, 0, 80)));
}

/* Character index of a text, from its end when negative; nil when there is none. */
static int text_character(struct liquid_frame *f, const struct value *text, int64_t index,
			  struct value *ret)
{
	int64_t count = (int64_t)utf8_count(text->string);
	if (!frame_effort(f, text->string.size / EFFORT_BYTES))
		return -1;
	if (index < 0)
		index += count;
	if (index < 0 || index >= count)
		return 1;
	str rest = str_from(text->string, utf8_offset(text->string, (size_t)index));
	*ret = value_string(str_sub(rest, 0, utf8_size(rest)));
	return 1;
}

/* Texts "have" the texts they contain and integers their bits: odd, but what the reference
 * does, and templates that pass there pass here. */
int filter_property(struct liquid_frame *f, const struct value *item,
		    const struct value *property, struct value *ret)
{
	const struct value *member;
	struct value whole;
	*ret = (struct value){.kind = VALUE_NIL};
	if (property->kind == VALUE_FLOAT && fabs(property->number) < 0x1p53) {
		whole = value_int((int64_t)property->number);
		property = item->kind == VALUE_HASH ? property : &whole;
	}
	switch (item->kind) {
	case VALUE_HASH:
		member = property->kind == VALUE_STRING
				 ? frame_member(f, item, property->string)
				 : NULL;
		if (member)
			*ret = *member;
		return 1;
	case VALUE_STRING:
		if (property->kind == VALUE_INT)
			return text_character(f, item, property->integer, ret);
		if (property->kind != VALUE_STRING)
			return fail_property(f, property);
		if (!frame_effort(f, item->string.size / EFFORT_BYTES))
			return -1;
		if (str_find(item->string, property->string) != STR_NONE)
			*ret = *property;
		return 1;
	case VALUE_INT:
		if (property->kind != VALUE_INT)
			return fail_property(f, property);
		*ret = value_int(property->integer < 0 ? 0
				 : property->integer > 63
					 ? item->integer < 0
					 : (item->integer >> property->integer) & 1);
		return 1;
	case VALUE_ARRAY:
		return fail_property(f, property);
	default:
		return 0;
	}
}
