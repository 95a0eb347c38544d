/* filters_select.c - filters that pick items by a property: where, reject, has, find. */
#include "templates/filters.h"

#include "templates/value_text.h"

/* Whether the item's property is the value asked for, or, without one, is there at all. 1 or 0;
 * 2 when the item can have no properties, which ends the search with nil; -1. */
enum { MATCH_NOTHING = 2 };

static int matches(struct liquid_frame *f, const struct filter_input *input,
		   const struct value *item)
{
	struct value found;
	bool equal;
	int has = filter_property(f, item, &input->arguments[0], &found);
	if (has <= 0)
		return has < 0 ? -1 : MATCH_NOTHING;
	if (input->count > 1 && input->arguments[1].kind != VALUE_NIL)
		return frame_equal(f, &found, &input->arguments[1], &equal) ? equal : -1;
	return value_truthy(&found);
}

/* An undefined property selects nothing, of whatever there is. */
static int list_of(struct liquid_frame *f, const struct filter_input *input,
		   struct list *ret_list)
{
	*ret_list = (struct list){};
	if (input->arguments[0].kind == VALUE_NIL)
		return 0;
	return filter_list(f, &input->value, ret_list);
}

static int select_items(struct liquid_frame *f, const struct filter_input *input, int wanted,
			struct value *ret)
{
	struct list list;
	size_t count = 0;
	if (list_of(f, input, &list))
		return -1;
	struct value *values = frame_alloc(f, list.count, sizeof *values);
	if (!values)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		int match = matches(f, input, &list.values[i]);
		if (match < 0 || match == MATCH_NOTHING)
			return match < 0 ? -1 : 0;
		if (match == wanted)
			values[count++] = list.values[i];
	}
	*ret = value_array(values, count);
	return 0;
}

int filter_where(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return select_items(f, input, 1, ret);
}

int filter_reject(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return select_items(f, input, 0, ret);
}

/* The index of the first match; list->count: none. 0, MATCH_NOTHING or -1. */
static int first_match(struct liquid_frame *f, const struct filter_input *input,
		       struct list *list, size_t *ret_index)
{
	if (list_of(f, input, list))
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		int match = matches(f, input, &list->values[i]);
		if (match < 0 || match == MATCH_NOTHING)
			return match;
		if (match) {
			*ret_index = i;
			return 0;
		}
	}
	*ret_index = list->count;
	return 0;
}

int filter_has(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct list list;
	size_t index;
	int result = first_match(f, input, &list, &index);
	if (result == 0)
		*ret = value_bool(index < list.count);
	return result < 0 ? -1 : 0;
}

int filter_find_item(struct liquid_frame *f, const struct filter_input *input,
		     struct value *ret)
{
	struct list list;
	size_t index;
	int result = first_match(f, input, &list, &index);
	if (result == 0 && index < list.count)
		*ret = list.values[index];
	return result < 0 ? -1 : 0;
}

int filter_find_index(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	struct list list;
	size_t index;
	int result = first_match(f, input, &list, &index);
	if (result == 0 && index < list.count)
		*ret = value_int((int64_t)index);
	return result < 0 ? -1 : 0;
}
