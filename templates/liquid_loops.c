/* liquid_loops.c - for and tablerow, and walking over values. */
#include "templates/liquid_frame.h"

#include "templates/value_number.h"
#include "templates/value_text.h"

struct items items_of(const struct value *value, size_t offset, size_t limit)
{
	struct items items = {};
	size_t count = 0;
	switch (value->kind) {
	case VALUE_STRING: /* one item, whatever offset and limit say */
		return (struct items){.values = value, .count = value->string.size > 0};
	case VALUE_ARRAY:
		count = value->array.count;
		items.values = value->array.items;
		break;
	case VALUE_HASH:
		count = value->hash.count;
		items.pairs = value->hash.pairs;
		break;
	case VALUE_RANGE:
		count = value_range_count(value);
		items.first = value->range.first;
		break;
	default:
		return items;
	}
	if (offset > count)
		offset = count;
	items.count = count - offset < limit ? count - offset : limit;
	if (items.values)
		items.values += offset;
	else if (items.pairs)
		items.pairs += offset;
	else
		items.first = (int64_t)((uint64_t)items.first + offset);
	return items;
}

int items_at(struct liquid_frame *f, const struct items *items, size_t index,
	     struct value *ret_item)
{
	if (items->values) {
		*ret_item = items->values[index];
	} else if (items->pairs) {
		struct value *pair = frame_alloc(f, 2, sizeof *pair);
		if (!pair)
			return -1;
		pair[0] = value_string(items->pairs[index].name);
		pair[1] = items->pairs[index].value;
		*ret_item = value_array(pair, 2);
	} else {
		*ret_item = value_int((int64_t)((uint64_t)items->first + index));
	}
	return 0;
}

enum helper_pair {
	HELPER_LENGTH,
	HELPER_INDEX,
	HELPER_INDEX0,
	HELPER_RINDEX,
	HELPER_RINDEX0,
	HELPER_FIRST,
	HELPER_LAST,
	HELPER_NAME,
	HELPER_PARENT,
	HELPER_COUNT,
	HELPER_ROW = HELPER_NAME,
	HELPER_COL,
	HELPER_COL0,
	HELPER_COL_FIRST,
	HELPER_COL_LAST,
	HELPER_TABLE_COUNT,
};

static struct value_pair *pair_of(struct value *helper, enum helper_pair pair)
{
	return (struct value_pair *)&helper->hash.pairs[pair]; /* ours: loop_helper() made it */
}

void loop_helper_set(struct value *helper, size_t index, size_t count)
{
	pair_of(helper, HELPER_INDEX)->value.integer = (int64_t)index + 1;
	pair_of(helper, HELPER_INDEX0)->value.integer = (int64_t)index;
	pair_of(helper, HELPER_RINDEX)->value.integer = (int64_t)(count - index);
	pair_of(helper, HELPER_RINDEX0)->value.integer = (int64_t)(count - index) - 1;
	pair_of(helper, HELPER_FIRST)->value.boolean = index == 0;
	pair_of(helper, HELPER_LAST)->value.boolean = index + 1 == count;
}

/* The pairs that for and tablerow share. */
static struct value *new_helper(struct liquid_frame *f, size_t pair_count, size_t count)
{
	static const char *const names[] = {"length",  "index", "index0", "rindex",
					    "rindex0", "first", "last"};
	struct value *helper = frame_alloc(f, 1, sizeof *helper);
	struct value_pair *pairs = frame_alloc(f, pair_count, sizeof *pairs);
	if (!helper || !pairs)
		return NULL;
	for (size_t i = 0; i < HELPER_NAME; i++) {
		pairs[i].name = str_of(names[i]);
		pairs[i].value =
			i >= HELPER_FIRST ? value_bool(false) : value_int((int64_t)count);
	}
	*helper = value_hash(pairs, pair_count);
	return helper;
}

struct value *loop_helper(struct liquid_frame *f, const struct value *name, size_t count,
			  const struct value *parent)
{
	struct value *helper = new_helper(f, HELPER_COUNT, count);
	if (!helper)
		return NULL;
	*pair_of(helper, HELPER_NAME) = (struct value_pair){STR("name"), *name};
	*pair_of(helper, HELPER_PARENT) = (struct value_pair){.name = STR("parentloop")};
	if (parent)
		pair_of(helper, HELPER_PARENT)->value = *parent;
	return helper;
}

/* A limit, offset or number of columns: *ret_bound unless it is missing (or nil, for a loop).
 */
static int loop_bound(struct liquid_frame *f, const struct expression *expression, bool loosely,
		      int64_t *ret_bound)
{
	struct value value;
	if (!expression)
		return 0;
	if (evaluate(f, expression, &value) || !frame_effort(f, effort_of(&value)))
		return -1;
	bool number = value.kind == VALUE_INT || value.kind == VALUE_FLOAT ||
		      value.kind == VALUE_STRING || value.kind == VALUE_NIL;
	if (loosely && !number)
		return frame_fail(f, "limit, offset and cols are integers");
	if (loosely)
		*ret_bound = value_to_integer_loosely(value);
	else if (value.kind != VALUE_NIL && !value_to_integer(value, ret_bound))
		return frame_fail(f, "limit and offset are integers");
	return 0;
}

/* From offset up to offset + limit, of which the part below zero is nothing. */
static struct items slice(const struct value *collection, int64_t offset, int64_t limit)
{
	int64_t end;
	int64_t start = offset > 0 ? offset : 0;
	if (__builtin_add_overflow(offset, limit, &end))
		end = offset > 0 ? INT64_MAX : 0;
	return items_of(collection, (size_t)start, end > start ? (size_t)(end - start) : 0);
}

/* One place for the item serves all turns: whoever keeps a value copies it. */
static enum flow run_items(struct liquid_frame *f, const struct loop *loop,
			   const struct items *items, struct value *helper)
{
	struct value *item = frame_alloc(f, 1, sizeof *item);
	if (!item)
		return FLOW_FAIL;
	for (size_t i = 0; i < items->count; i++) {
		size_t index = loop->reversed ? items->count - 1 - i : i;
		if (!frame_turn(f) || items_at(f, items, index, item))
			return FLOW_FAIL;
		loop_helper_set(helper, i, items->count);
		f->scope->bindings[loop->variable].inner = item;
		enum flow flow = run_block(f, &loop->body);
		if (flow == FLOW_FAIL || flow == FLOW_BREAK)
			return flow;
	}
	return FLOW_NEXT;
}

static enum flow run_segment(struct liquid_frame *f, const struct loop *loop,
			     const struct items *items)
{
	struct value name = value_string(loop->name);
	const struct value *around = f->scope->loop;
	struct value *helper = loop_helper(f, &name, items->count, around);
	if (!helper)
		return FLOW_FAIL;
	const struct value *variable = frame_bind(f, loop->variable, NULL);
	const struct value *outer = frame_bind(f, loop->helper, helper);
	f->scope->loop = helper;
	enum flow flow = run_items(f, loop, items, helper);
	f->scope->loop = around;
	frame_bind(f, loop->helper, outer);
	frame_bind(f, loop->variable, variable);
	return flow == FLOW_FAIL ? FLOW_FAIL : FLOW_NEXT;
}

enum flow run_for(struct liquid_frame *f, const struct loop *loop)
{
	struct value collection;
	int64_t offset = 0, limit = INT64_MAX;
	struct memory_cell *cell = frame_cell(f, &f->scope->offsets, loop->name);
	if (!cell || evaluate(f, &loop->collection, &collection) ||
	    loop_bound(f, loop->offset, false, &offset) ||
	    loop_bound(f, loop->limit, false, &limit))
		return FLOW_FAIL;
	if (loop->from_continue)
		offset = cell->number;
	struct items items = slice(&collection, offset, limit);
	cell->number = (int64_t)((uint64_t)offset + items.count);
	return items.count ? run_segment(f, loop, &items) : run_block(f, &loop->otherwise);
}

static struct value *table_helper(struct liquid_frame *f, size_t count)
{
	static const char *const names[] = {"row", "col", "col0", "col_first", "col_last"};
	struct value *helper = new_helper(f, HELPER_TABLE_COUNT, count);
	for (size_t i = 0; helper && i < sizeof names / sizeof *names; i++) {
		struct value_pair *pair = pair_of(helper, HELPER_ROW + i);
		pair->name = str_of(names[i]);
		pair->value =
			i >= HELPER_COL_FIRST - HELPER_ROW ? value_bool(false) : value_int(1);
	}
	return helper;
}

static void put_tag(struct liquid_frame *f, const char *before, size_t number,
		    const char *after)
{
	char memory[64];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof memory);
	buf_put_cstr(&text, before);
	buf_put_u64(&text, number);
	buf_put_cstr(&text, after);
	frame_put(f, buf_str(&text));
}

static void table_helper_set(struct value *helper, size_t row, size_t column, size_t columns)
{
	pair_of(helper, HELPER_ROW)->value.integer = (int64_t)row;
	pair_of(helper, HELPER_COL)->value.integer = (int64_t)column;
	pair_of(helper, HELPER_COL0)->value.integer = (int64_t)column - 1;
	pair_of(helper, HELPER_COL_FIRST)->value.boolean = column == 1;
	pair_of(helper, HELPER_COL_LAST)->value.boolean = column == columns;
}

static enum flow run_cells(struct liquid_frame *f, const struct loop *loop,
			   const struct items *items, size_t columns, struct value *helper)
{
	size_t row = 1, column = 1;
	struct value *item = frame_alloc(f, 1, sizeof *item);
	if (!item)
		return FLOW_FAIL;
	for (size_t i = 0; i < items->count; i++) {
		if (!frame_turn(f) || items_at(f, items, i, item))
			return FLOW_FAIL;
		loop_helper_set(helper, i, items->count);
		table_helper_set(helper, row, column, columns);
		f->scope->bindings[loop->variable].inner = item;
		put_tag(f, "<td class=\"col", column, "\">");
		enum flow flow = run_block(f, &loop->body);
		if (flow == FLOW_FAIL)
			return flow;
		frame_put(f, STR("</td>"));
		if (flow == FLOW_BREAK)
			return FLOW_NEXT;
		if (column != columns) {
			column++;
			continue;
		}
		column = 1;
		row++;
		if (i + 1 < items->count)
			put_tag(f, "</tr>\n<tr class=\"row", row, "\">");
	}
	return FLOW_NEXT;
}

enum flow run_tablerow(struct liquid_frame *f, const struct loop *loop)
{
	struct value collection;
	int64_t offset = 0, limit = INT64_MAX;
	if (evaluate(f, &loop->collection, &collection))
		return FLOW_FAIL;
	if (!value_truthy(&collection))
		return FLOW_NEXT;
	if (loop_bound(f, loop->offset, true, &offset) ||
	    loop_bound(f, loop->limit, true, &limit))
		return FLOW_FAIL;
	struct items items = slice(&collection, offset, limit);
	int64_t columns = (int64_t)items.count;
	if (loop_bound(f, loop->columns, true, &columns))
		return FLOW_FAIL;
	struct value *helper = table_helper(f, items.count);
	if (!helper)
		return FLOW_FAIL;
	const struct value *variable = frame_bind(f, loop->variable, NULL);
	const struct value *outer = frame_bind(f, loop->helper, helper);
	frame_put(f, STR("<tr class=\"row1\">\n"));
	enum flow flow = run_cells(f, loop, &items, columns < 0 ? 0 : (size_t)columns, helper);
	frame_put(f, STR("</tr>\n"));
	frame_bind(f, loop->helper, outer);
	frame_bind(f, loop->variable, variable);
	return flow;
}
