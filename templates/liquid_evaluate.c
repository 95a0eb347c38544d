/* liquid_evaluate.c - expressions, filters and conditions while rendering. */
#include "templates/liquid_frame.h"

#include "templates/filters.h"
#include "templates/value_number.h"
#include "templates/value_text.h"

static const struct value nil = {.kind = VALUE_NIL};

/* NULL when there is no variable of that name. */
const struct value *frame_lookup(struct liquid_frame *f, uint32_t symbol)
{
	const struct binding *binding = &f->scope->bindings[symbol];
	if (binding->inner)
		return binding->inner;
	return binding->assigned ? binding->assigned : binding->root;
}

static int fail_undefined(struct liquid_frame *f, str name)
{
	return frame_fail(f, "undefined variable '%.*s'", STR_FORMAT(str_sub(name, 0, 80)));
}

/* The variable itself, before its lookups. */
static int find_root(struct liquid_frame *f, const struct expression *variable,
		     const struct value **ret_value)
{
	uint32_t symbol = variable->variable.symbol;
	str name;
	if (symbol == SYMBOL_NONE) {
		struct value computed;
		if (evaluate(f, variable->variable.root, &computed) ||
		    !frame_text(f, &computed, &name) || !frame_effort(f, effort_of(&computed)))
			return -1;
		symbol = symbols_find(f->symbols, name);
		*ret_value = symbol >= f->scope->binding_count ? frame_member(f, f->roots, name)
							       : frame_lookup(f, symbol);
	} else {
		name = f->symbols->names[symbol];
		*ret_value = frame_lookup(f, symbol);
	}
	return !*ret_value && f->liquid->options.strict_variables ? fail_undefined(f, name) : 0;
}

static bool array_item(const struct value *array, int64_t index, struct value *ret)
{
	int64_t count = (int64_t)array->array.count;
	if (index < 0)
		index += count;
	if (index < 0 || index >= count)
		return false;
	*ret = array->array.items[index];
	return true;
}

static int pair_array(struct liquid_frame *f, const struct value_pair *pair, struct value *ret)
{
	struct value *items = frame_alloc(f, 2, sizeof *items);
	if (!items)
		return -1;
	items[0] = value_string(pair->name);
	items[1] = pair->value;
	*ret = value_array(items, 2);
	return 0;
}

static int command_size(struct liquid_frame *f, const struct value *object, struct value *ret)
{
	switch (object->kind) {
	case VALUE_STRING:
		*ret = value_int((int64_t)utf8_count(object->string));
		return frame_effort(f, object->string.size / EFFORT_BYTES) ? 1 : -1;
	case VALUE_ARRAY:
		*ret = value_int((int64_t)object->array.count);
		return 1;
	case VALUE_HASH:
		*ret = value_int((int64_t)object->hash.count);
		return 1;
	case VALUE_RANGE:
		*ret = value_int((int64_t)value_range_count(object));
		return 1;
	case VALUE_INT:
		*ret = value_int(8); /* as the reference: the size of a machine integer */
		return 1;
	default:
		return 0;
	}
}

static int command_end(struct liquid_frame *f, const struct value *object, bool last,
		       struct value *ret)
{
	str text = object->string;
	switch (object->kind) {
	case VALUE_ARRAY:
		if (!array_item(object, last ? -1 : 0, ret))
			*ret = nil;
		return 1;
	case VALUE_RANGE:
		*ret = value_int(last ? object->range.last : object->range.first);
		return 1;
	case VALUE_STRING:
		if (last)
			*ret = value_string(str_from(
				text, utf8_offset(text, utf8_count(text) - (text.size > 0))));
		else
			*ret = value_string(str_sub(text, 0, utf8_offset(text, 1)));
		if (text.size == 0)
			*ret = nil;
		ret->safe = object->safe;
		return frame_effort(f, text.size / EFFORT_BYTES) ? 1 : -1;
	case VALUE_HASH:
		if (last)
			return 0;
		*ret = nil;
		return object->hash.count && pair_array(f, object->hash.pairs, ret) ? -1 : 1;
	default:
		return 0;
	}
}

/* size, first and last, for what has no member of that name. 1, 0 when it has neither, -1. */
int frame_command(struct liquid_frame *f, const struct value *object, str name,
		  struct value *ret)
{
	if (str_eq(name, STR("size")))
		return command_size(f, object, ret);
	if (str_eq(name, STR("first")))
		return command_end(f, object, false, ret);
	if (str_eq(name, STR("last")))
		return command_end(f, object, true, ret);
	return 0;
}

/* A member by name; *ret is the object's place when found. 1, 0 or -1. */
static int look_up_name(struct liquid_frame *f, const struct lookup *lookup, str name,
			struct value *object)
{
	const struct value *member = frame_member(f, object, name);
	if (member) {
		*object = *member;
		return 1;
	}
	struct value result;
	int found = lookup->dotted ? frame_command(f, object, name, &result) : 0;
	if (found == 1)
		*object = result;
	return found;
}

/* Beyond the end is nil, and nothing that is undefined. */
static int look_up_index(struct value *object, int64_t index)
{
	if (!array_item(object, index, object))
		*object = nil;
	return 1;
}

static int look_up(struct liquid_frame *f, const struct lookup *lookup, struct value *object)
{
	struct value key;
	str name = lookup->name;
	int found = 0;
	if (name.data) {
		found = look_up_name(f, lookup, name, object);
	} else {
		if (evaluate(f, lookup->key, &key))
			return -1;
		if (key.kind == VALUE_STRING)
			found = look_up_name(f, lookup, name = key.string, object);
		else if (key.kind == VALUE_INT && object->kind == VALUE_ARRAY)
			return look_up_index(object, key.integer);
	}
	if (found)
		return found;
	*object = nil;
	return f->liquid->options.strict_variables ? fail_undefined(f, name) : 0;
}

static int evaluate_variable(struct liquid_frame *f, const struct expression *variable,
			     struct value *ret)
{
	const struct value *root;
	if (find_root(f, variable, &root))
		return -1;
	*ret = root ? *root : nil;
	for (size_t i = 0; i < variable->variable.lookup_count; i++) {
		if (ret->kind == VALUE_NIL && !f->liquid->options.strict_variables)
			return 0;
		if (look_up(f, &variable->variable.lookups[i], ret) < 0)
			return -1;
	}
	return 0;
}

static int range_bound(struct liquid_frame *f, const struct expression *expression,
		       int64_t *ret_bound)
{
	struct value value;
	if (evaluate(f, expression, &value))
		return -1;
	if (value.kind != VALUE_NIL && value.kind != VALUE_STRING && value.kind != VALUE_INT)
		return frame_fail(f, "a range goes from integer to integer");
	*ret_bound = value_to_integer_loosely(value);
	return frame_effort(f, effort_of(&value)) ? 0 : -1;
}

int evaluate(struct liquid_frame *f, const struct expression *expression, struct value *ret)
{
	switch (expression->kind) {
	case EXPRESSION_LITERAL:
		*ret = expression->literal;
		return 0;
	case EXPRESSION_VARIABLE:
		return evaluate_variable(f, expression, ret);
	case EXPRESSION_RANGE:
		break;
	}
	int64_t first, last;
	if (range_bound(f, expression->range.first, &first) ||
	    range_bound(f, expression->range.last, &last))
		return -1;
	*ret = (struct value){.kind = VALUE_RANGE, .range = {first, last}};
	return 0;
}

static int apply(struct liquid_frame *f, const struct filter_call *call, struct value *value)
{
	struct value arguments[ARGUMENT_LIMIT];
	struct filter_input input = {.value = *value, .arguments = arguments, .call = call};
	size_t named = 0; /* these stand at the end, the last first */
	uint64_t effort = EFFORT_OF_STEP + effort_of(value);
	for (size_t i = 0; i < call->argument_count; i++) {
		const struct argument *argument = &call->arguments[i];
		struct value given;
		if (evaluate(f, &argument->value, &given))
			return -1;
		effort += effort_of(&given);
		if (!argument->name.data)
			arguments[input.count++] = given;
		else
			arguments[ARGUMENT_LIMIT - ++named] = given;
	}
	*value = nil;
	if (!frame_effort(f, effort) || call->filter->apply(f, &input, value))
		return -1;
	if (call->filter->keeps_safe && value->kind == VALUE_STRING &&
	    input.value.kind == VALUE_STRING)
		value->safe = value->safe || input.value.safe;
	return 0;
}

int evaluate_pipeline(struct liquid_frame *f, const struct pipeline *pipeline,
		      struct value *ret)
{
	if (evaluate(f, &pipeline->head, ret))
		return -1;
	for (size_t i = 0; i < pipeline->call_count; i++)
		if (apply(f, &pipeline->calls[i], ret))
			return -1;
	return 0;
}

static bool is_number(const struct value *value)
{
	return value->kind == VALUE_INT || value->kind == VALUE_FLOAT;
}

/* Strings hold strings, arrays values, hashes names. nil and false are in nothing. */
static int contains(struct liquid_frame *f, const struct value *left, const struct value *right,
		    bool *ret)
{
	str needle;
	*ret = false;
	if (!value_truthy(right))
		return 0;
	if (left->kind != VALUE_STRING &&
	    (right->kind == VALUE_EMPTY || right->kind == VALUE_BLANK))
		return 0; /* no values */
	switch (left->kind) {
	case VALUE_STRING:
		if (!frame_text(f, right, &needle) ||
		    !frame_effort(f, left->string.size / EFFORT_BYTES))
			return -1;
		*ret = str_find(left->string, needle) != STR_NONE;
		break;
	case VALUE_ARRAY:
		for (size_t i = 0; i < left->array.count && !*ret; i++)
			if (!frame_equal(f, &left->array.items[i], right, ret))
				return -1;
		break;
	case VALUE_HASH:
		*ret = right->kind == VALUE_STRING && frame_member(f, left, right->string);
		break;
	case VALUE_RANGE:
		*ret = is_number(right) &&
		       number_compare(*right, value_int(left->range.first)) >= 0 &&
		       number_compare(*right, value_int(left->range.last)) <= 0;
		break;
	default:
		break;
	}
	return 0;
}

static bool has_order(const struct value *value)
{
	return is_number(value) || value->kind == VALUE_STRING;
}

static int order(struct liquid_frame *f, enum comparison_operator operator,
		 const struct value * left, const struct value *right, bool *ret)
{
	*ret = false;
	if (!has_order(left) || !has_order(right))
		return 0;
	int result = value_compare(left, right, &f->effort_left);
	if (result == VALUE_INCOMPARABLE)
		return (left->kind == VALUE_STRING) == (right->kind == VALUE_STRING)
			       ? 0
			       : frame_fail(f, "a number and a text cannot be compared");
	switch (operator) {
	case COMPARE_LESS:
		*ret = result < 0;
		break;
	case COMPARE_GREATER:
		*ret = result > 0;
		break;
	case COMPARE_LESS_EQUAL:
		*ret = result <= 0;
		break;
	default:
		*ret = result >= 0;
		break;
	}
	return 0;
}

static int compare(struct liquid_frame *f, const struct condition *condition, bool *ret)
{
	struct value left, right;
	if (evaluate(f, &condition->left, &left))
		return -1;
	if (condition->operator== COMPARE_NONE) {
		*ret = value_truthy(&left);
		return 0;
	}
	if (evaluate(f, &condition->right, &right))
		return -1;
	switch (condition->operator) {
	case COMPARE_EQUAL:
	case COMPARE_UNEQUAL:
		if (!frame_equal(f, &left, &right, ret))
			return -1;
		*ret = *ret == (condition->operator== COMPARE_EQUAL);
		return 0;
	case COMPARE_CONTAINS:
		return contains(f, &left, &right, ret);
	default:
		return order(f, condition->operator, & left, &right, ret);
	}
}

/* From the left, each relation taking all that is on its right: a and b or c is a and (b or c).
 */
int evaluate_condition(struct liquid_frame *f, const struct condition *condition, bool *ret)
{
	for (; condition; condition = condition->next) {
		if (compare(f, condition, ret))
			return -1;
		if (condition->relation == (*ret ? RELATION_OR : RELATION_AND))
			return 0;
	}
	return 0;
}
