/* filters_array.c - filters on lists: joined, turned, counted, sorted. */
#include "templates/filters.h"

#include "templates/value_number.h"
#include "templates/value_text.h"

static bool is_safe(const struct value *value)
{
	return value->kind == VALUE_STRING && value->safe;
}

/* One part of a join; when any part is safe HTML, those that are not get escaped. */
static int put_part(struct liquid_frame *f, struct buf *out, const struct value *part,
		    bool safe)
{
	str text;
	if (!frame_text(f, part, &text))
		return -1;
	if (safe && !is_safe(part) && !frame_escape(f, text, &text))
		return -1;
	buf_put(out, text);
	return out->size <= f->memory_left ? 0 : frame_memory_fail(f);
}

int filter_join(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct value glue = input->count ? input->arguments[0] : value_string(STR(" "));
	struct list list;
	struct buf out;
	if (filter_list(f, &input->value, &list))
		return -1;
	bool safe = is_safe(&glue);
	for (size_t i = 0; i < list.count; i++)
		safe = safe || is_safe(&list.values[i]);
	safe = safe && frame_escapes(f);
	filter_begin(f, &out, list.count * 8);
	for (size_t i = 0; i < list.count; i++)
		if ((i && put_part(f, &out, &glue, safe)) ||
		    put_part(f, &out, &list.values[i], safe))
			return -1;
	if (filter_finish(f, &out, ret))
		return -1;
	ret->safe = safe;
	return 0;
}

int filter_first(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return frame_command(f, &input->value, STR("first"), ret) < 0 ? -1 : 0;
}

int filter_last(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return frame_command(f, &input->value, STR("last"), ret) < 0 ? -1 : 0;
}

int filter_size(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	*ret = value_int(0);
	return frame_command(f, &input->value, STR("size"), ret) < 0 ? -1 : 0;
}

int filter_reverse(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct list list;
	if (filter_list(f, &input->value, &list))
		return -1;
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	if (!values)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		values[i] = list.values[list.count - 1 - i];
	*ret = value_array(values, list.count);
	return 0;
}

int filter_concat(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	const struct value *added = &input->arguments[0];
	struct list list;
	if (added->kind != VALUE_ARRAY)
		return frame_fail(f, "concat wants an array as its argument");
	if (filter_list(f, &input->value, &list))
		return -1;
	size_t count = list.count + added->array.count;
	struct value *values = frame_alloc(f, count, sizeof *values);
	if (!values)
		return -1;
	if (list.count)
		memcpy(values, list.values, list.count * sizeof *values);
	if (added->array.count)
		memcpy(values + list.count, added->array.items,
		       added->array.count * sizeof *values);
	*ret = value_array(values, count);
	return 0;
}

/* What a filter looks at of an item: itself, or its property. As filter_property(). */
static int aspect(struct liquid_frame *f, const struct filter_input *input,
		  const struct value *item, struct value *ret)
{
	if (input->count == 0 || input->arguments[0].kind == VALUE_NIL) {
		*ret = *item;
		return 1;
	}
	return filter_property(f, item, &input->arguments[0], ret);
}

int filter_compact(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct list list;
	size_t count = 0;
	if (filter_list(f, &input->value, &list))
		return -1;
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	if (!values)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct value seen;
		int found = aspect(f, input, &list.values[i], &seen);
		if (found <= 0)
			return found;
		if (seen.kind != VALUE_NIL)
			values[count++] = list.values[i];
	}
	*ret = value_array(values, count);
	return 0;
}

/* 1 and 1.0 are equal, but not the same. */
static bool same(struct liquid_frame *f, const struct value *a, const struct value *b)
{
	return a->kind == b->kind && value_equal(a, b, &f->effort_left);
}

int filter_uniq(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct list list;
	size_t count = 0;
	if (filter_list(f, &input->value, &list))
		return -1;
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	struct value *seen = frame_alloc(f, list.count, sizeof *seen);
	if (!values || !seen)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct value at = {};
		int found = list.count == 1 ? 1 : aspect(f, input, &list.values[i], &at);
		if (found <= 0)
			return found;
		size_t j = 0;
		while (j < count && !same(f, &seen[j], &at))
			j++;
		if (!frame_effort(f, j + 1))
			return -1;
		if (j < count)
			continue;
		seen[count] = at;
		values[count++] = list.values[i];
	}
	*ret = value_array(values, count);
	return 0;
}

int filter_sum(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct list list, numbers;
	if (filter_list(f, &input->value, &list))
		return -1;
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	if (!values)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (aspect(f, input, &list.values[i], &values[i]) < 0)
			return -1;
	struct value all = value_array(values, list.count), sum = value_int(0), number;
	if (filter_list(f, &all, &numbers) || !frame_effort(f, numbers.count))
		return -1;
	for (size_t i = 0; i < numbers.count; i++) {
		enum number_result result = value_to_number(numbers.values[i], &number);
		if (result == NUMBER_FINE)
			result = number_add(sum, number, &sum);
		if (result != NUMBER_FINE)
			return frame_fail(f, "%s", number_result_text(result));
	}
	*ret = sum;
	return 0;
}

int filter_map(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	const struct value *property = &input->arguments[0];
	struct list list;
	if (filter_list(f, &input->value, &list))
		return -1;
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	if (!values)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (filter_property(f, &list.values[i], property, &values[i]) < 0)
			return -1;
	*ret = value_array(values, list.count);
	return 0;
}

struct sorted {
	struct value key, value;
};

typedef int sort_order(struct liquid_frame *, const struct value *, const struct value *,
		       int *ret_order);

/* nil comes last; whether it equals nil, the two orders see differently. */
static bool order_nil(const struct value *a, const struct value *b, int *ret_order)
{
	*ret_order = (a->kind == VALUE_NIL) - (b->kind == VALUE_NIL);
	return a->kind == VALUE_NIL || b->kind == VALUE_NIL;
}

static int order_plain(struct liquid_frame *f, const struct value *a, const struct value *b,
		       int *ret_order)
{
	if (order_nil(a, b, ret_order))
		return 0;
	*ret_order = value_compare(a, b, &f->effort_left);
	if (!frame_effort(f, 1))
		return -1;
	return *ret_order == VALUE_INCOMPARABLE
		       ? frame_fail(f, "cannot sort values of incompatible types")
		       : 0;
}

static int order_natural(struct liquid_frame *f, const struct value *a, const struct value *b,
			 int *ret_order)
{
	if (order_nil(a, b, ret_order)) {
		if (a->kind == VALUE_NIL)
			*ret_order = 1; /* as the reference: so nils come out turned round */
		return 0;
	}
	size_t size = a->string.size < b->string.size ? a->string.size : b->string.size;
	if (!frame_effort(f, size / EFFORT_BYTES))
		return -1;
	for (size_t i = 0; i < size; i++) {
		unsigned char x = (unsigned char)a->string.data[i];
		unsigned char y = (unsigned char)b->string.data[i];
		x = x >= 'A' && x <= 'Z' ? x | 0x20 : x;
		y = y >= 'A' && y <= 'Z' ? y | 0x20 : y;
		if (x != y) {
			*ret_order = x < y ? -1 : 1;
			return 0;
		}
	}
	*ret_order = (a->string.size > b->string.size) - (a->string.size < b->string.size);
	return 0;
}

/* Merges the sorted [from, middle) and [middle, to) into out. */
static int merge(struct liquid_frame *f, sort_order *order, const struct sorted *in,
		 struct sorted *out, size_t from, size_t middle, size_t to)
{
	size_t a = from, b = middle;
	for (size_t at = from; at < to; at++) {
		int after = 0;
		if (a < middle && b < to && order(f, &in[a].key, &in[b].key, &after))
			return -1;
		bool take_second = a == middle || (b < to && after > 0);
		out[at] = take_second ? in[b++] : in[a++];
	}
	return 0;
}

/* Halves, each sorted, merged: the order of comparisons is that of the C library's sort, which
 * the reference uses, and shows where an order contradicts itself. Nests as deep as the count
 * has bits. The result stands in items. */
static int merge_sort(struct liquid_frame *f, sort_order *order, struct sorted *items,
		      struct sorted *spare, size_t count)
{
	size_t half = count / 2;
	if (count < 2)
		return 0;
	if (merge_sort(f, order, items, spare, half) ||
	    merge_sort(f, order, items + half, spare, count - half) ||
	    !frame_effort(f, count) || merge(f, order, items, spare, 0, half, count))
		return -1;
	memcpy(items, spare, count * sizeof *items);
	return 0;
}

static int natural_key(struct liquid_frame *f, struct value *key)
{
	str text;
	if (key->kind == VALUE_NIL)
		return 0;
	if (!frame_text(f, key, &text))
		return -1;
	*key = value_string(text);
	return 0;
}

static bool all_have_properties(const struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		enum value_kind kind = list->values[i].kind;
		if (kind != VALUE_HASH && kind != VALUE_ARRAY && kind != VALUE_STRING &&
		    kind != VALUE_INT)
			return false;
	}
	return true;
}

/* One item alone is compared with none, and so not looked at. */
static int sort(struct liquid_frame *f, const struct filter_input *input, sort_order *order,
		struct value *ret)
{
	struct list list;
	if (filter_list(f, &input->value, &list))
		return -1;
	struct sorted *items = frame_alloc(f, list.count * 2, sizeof *items);
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	if (!items || !values)
		return -1;
	if (input->count && input->arguments[0].kind != VALUE_NIL &&
	    !all_have_properties(&list))
		return 0;
	for (size_t i = 0; i < list.count; i++) {
		items[i].value = list.values[i];
		int found =
			list.count == 1 ? 1 : aspect(f, input, &list.values[i], &items[i].key);
		if (found <= 0)
			return found;
		if (order == order_natural && natural_key(f, &items[i].key))
			return -1;
	}
	if (merge_sort(f, order, items, items + list.count, list.count))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		values[i] = items[i].value;
	*ret = value_array(values, list.count);
	return 0;
}

int filter_sort(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return sort(f, input, order_plain, ret);
}

int filter_sort_natural(struct liquid_frame *f, const struct filter_input *input,
			struct value *ret)
{
	return sort(f, input, order_natural, ret);
}
