/* liquid_render.c - runs the nodes of a compiled template; see liquid_frame.h.
 * Blocks nest on the C stack, bounded by the frame's depth; loops are bounded by its effort. */
#include "templates/liquid_frame.h"

#include "templates/value_number.h"
#include "templates/value_text.h"

void frame_put(struct liquid_frame *f, str text)
{
	const struct liquid_encoding *encoding = f->liquid->options.encoding;
	if (encoding && !f->plain)
		encoding->encode_output(encoding->context, &f->place, text, f->out);
	else
		buf_put(f->out, text);
}

static int fail_size(struct liquid_frame *f)
{
	return f->out->failed ? frame_fail(f, "out of memory for what the template writes")
			      : frame_fail(f, "the template writes more than %zu bytes",
					   f->output_size);
}

static int output_text(struct liquid_frame *f, str text, bool safe)
{
	size_t valid = utf8_valid_size(text);
	if (valid < text.size)
		return frame_fail(f,
				  "what is written here has a byte (0x%02x) that is no UTF-8",
				  (unsigned char)text.data[valid]);
	if (frame_escapes(f) && !safe && !frame_escape(f, text, &text))
		return -1;
	frame_put(f, text);
	return 0;
}

static int output_at(struct liquid_frame *, const struct value *, int depth);

/* One behind the other; the limit of size is looked at between, for there may be many. */
static int output_items(struct liquid_frame *f, const struct value *array, int depth)
{
	if (depth > VALUE_DEPTH_LIMIT)
		return frame_fail(f, "arrays are nested too deep to be written");
	for (size_t i = 0; i < array->array.count; i++) {
		if (output_at(f, &array->array.items[i], depth + 1) || !frame_effort(f, 1))
			return -1;
		if (f->out->failed || f->out->size + f->held_size > f->output_size)
			return fail_size(f);
	}
	return 0;
}

static int output_at(struct liquid_frame *f, const struct value *value, int depth)
{
	char number[NUMBER_TEXT_SIZE];
	str text;
	switch (value->kind) {
	case VALUE_NIL:
	case VALUE_EMPTY:
	case VALUE_BLANK:
		return 0;
	case VALUE_STRING:
		return output_text(f, value->string, value->safe);
	case VALUE_INT:
	case VALUE_FLOAT:
		frame_put(f, str_make(number, number_text(*value, number)));
		return 0;
	case VALUE_ARRAY:
		return output_items(f, value, depth);
	default:
		return frame_text(f, value, &text) ? output_text(f, text, false) : -1;
	}
}

int frame_output(struct liquid_frame *f, const struct value *value)
{
	return output_at(f, value, 0);
}

static enum flow run_output(struct liquid_frame *f, const struct pipeline *pipeline)
{
	struct value value;
	return evaluate_pipeline(f, pipeline, &value) || frame_output(f, &value) ? FLOW_FAIL
										 : FLOW_NEXT;
}

static enum flow run_variable(struct liquid_frame *f, uint32_t symbol)
{
	const struct value *value = frame_lookup(f, symbol);
	if (value)
		return frame_output(f, value) ? FLOW_FAIL : FLOW_NEXT;
	if (!f->liquid->options.strict_variables)
		return FLOW_NEXT;
	return (enum flow)frame_fail_undefined(f, f->symbols->names[symbol], f->roots);
}

static enum flow run_assign(struct liquid_frame *f, uint32_t symbol,
			    const struct pipeline *pipeline)
{
	struct value value;
	if (evaluate_pipeline(f, pipeline, &value))
		return FLOW_FAIL;
	struct value *kept = frame_keep(f, &value);
	if (!kept)
		return FLOW_FAIL;
	f->scope->bindings[symbol].assigned = kept;
	return FLOW_NEXT;
}

/* Runs a block into memory, without transfer encoding. */
static enum flow run_aside(struct liquid_frame *f, const struct block *block, str *ret_text)
{
	struct buf text, *out = f->out;
	bool plain = f->plain;
	size_t held = f->held_size;
	buf_init_arena(&text, f->scratch, 64);
	f->held_size += f->plain ? out->size : 0;
	f->out = &text;
	f->plain = true;
	enum flow flow = run_block(f, block);
	f->out = out;
	f->plain = plain;
	f->held_size = held;
	if (flow == FLOW_FAIL || !frame_memory(f, text.capacity))
		return FLOW_FAIL;
	*ret_text = text.size ? buf_str(&text) : STR("");
	return flow;
}

/* What stands outside of the blocks runs first: what it assigns, the layout sees. */
static enum flow run_layout(struct liquid_frame *f, const struct layout *layout)
{
	str *rest = &f->rests[layout->level], before = *rest, text;
	enum flow flow = run_aside(f, &layout->rest, &text);
	if (flow != FLOW_NEXT)
		return flow;
	*rest = text;
	flow = run_source(f, layout->content.source, &layout->content.body);
	*rest = before;
	return flow;
}

static enum flow run_capture(struct liquid_frame *f, const struct node *node)
{
	struct value value = value_string(STR(""));
	enum flow flow = run_aside(f, &node->capture.body, &value.string);
	value.safe = frame_escapes(f);
	struct value *kept = flow == FLOW_FAIL ? NULL : frame_keep(f, &value);
	if (!kept)
		return FLOW_FAIL;
	f->scope->bindings[node->capture.symbol].assigned = kept;
	return flow;
}

static enum flow run_ifchanged(struct liquid_frame *f, const struct node *node)
{
	str text;
	enum flow flow = run_aside(f, &node->body, &text);
	if (flow == FLOW_FAIL || (f->scope->has_changed && str_eq(text, f->scope->changed)))
		return flow;
	f->scope->changed = text;
	f->scope->has_changed = true;
	frame_put(f, text);
	return flow;
}

static enum flow run_if(struct liquid_frame *f, const struct branch *branch)
{
	for (; branch; branch = branch->next) {
		bool truth = true;
		if (branch->condition && evaluate_condition(f, branch->condition, &truth))
			return FLOW_FAIL;
		if (truth != branch->negated)
			return run_block(f, &branch->body);
	}
	return FLOW_NEXT;
}

/* As the reference: each `when` that fits runs, each `else` when none before it did. */
static enum flow run_case(struct liquid_frame *f, const struct branch *branch)
{
	bool matched = false;
	for (; branch; branch = branch->next) {
		bool truth = !matched;
		if (branch->condition && evaluate_condition(f, branch->condition, &truth))
			return FLOW_FAIL;
		if (!truth)
			continue;
		if (branch->condition)
			matched = true;
		enum flow flow = run_block(f, &branch->body);
		if (flow != FLOW_NEXT)
			return flow;
	}
	return FLOW_NEXT;
}

/* Counters begin at 0 whatever the data say, and hide data of their name from then on; assigned
 * names hide them. */
static enum flow run_counter(struct liquid_frame *f, const struct node *node)
{
	struct binding *binding = &f->scope->bindings[node->symbol];
	bool down = node->kind == NODE_DECREMENT;
	struct value before = binding->counter ? *binding->counter : value_int(0);
	struct value after = value_int(before.integer + (down ? -1 : 1));
	binding->counter = frame_keep(f, &after);
	if (!binding->counter)
		return FLOW_FAIL;
	binding->root = binding->counter;
	return frame_output(f, down ? &after : &before) ? FLOW_FAIL : FLOW_NEXT;
}

static enum flow run_cycle(struct liquid_frame *f, const struct cycle *cycle)
{
	struct value value;
	str key;
	struct buf name;
	if (cycle->name && evaluate(f, cycle->name, &value))
		return FLOW_FAIL;
	if (!cycle->name)
		value = value_string(cycle->items_text);
	if (!frame_text(f, &value, &key))
		return FLOW_FAIL;
	buf_init_arena(&name, f->scratch, key.size + 1);
	buf_put_byte(&name, cycle->name ? 'n' : 'i'); /* a name is never mistaken for items */
	buf_put(&name, key);
	if (!buf_ok(&name))
		return (enum flow)frame_fail(f, "out of memory");
	struct memory_cell *cell = frame_cell(f, &f->scope->cycles, buf_str(&name));
	if (!cell)
		return FLOW_FAIL;
	/* Cycles of one name and different lengths may leave it behind the end. */
	size_t index = (size_t)cell->number;
	cell->number = index + 1 < cycle->count ? cell->number + 1 : 0;
	if (index >= cycle->count)
		return FLOW_NEXT;
	return evaluate(f, &cycle->items[index], &value) || frame_output(f, &value) ? FLOW_FAIL
										    : FLOW_NEXT;
}

/* What is shared counts for the limit of size as what is written does. A partial that was compiled
 * while rendering is gone after it, so from then on nothing is shared. */
static void put_literal(struct liquid_frame *f, const struct liquid_encoding *encoding,
			str prepared)
{
	struct liquid_shares *shares = f->place.shares;
	size_t count = shares ? shares->count : 0;
	if (shares && f->symbols == &f->own_symbols)
		shares->limit = count;
	encoding->put_literal(encoding->context, &f->place, prepared, f->out);
	for (; shares && count < shares->count; count++)
		f->held_size += shares->items[count].bytes.size;
}

static enum flow run_literal(struct liquid_frame *f, const struct node *node)
{
	const struct liquid_encoding *encoding = f->liquid->options.encoding;
	if (f->plain || !encoding)
		buf_put(f->out, node->literal.text);
	else
		put_literal(f, encoding, node->literal.prepared);
	return FLOW_NEXT;
}

static enum flow run_node(struct liquid_frame *f, const struct node *node)
{
	switch (node->kind) {
	case NODE_LITERAL:
		return run_literal(f, node);
	case NODE_VARIABLE:
		return run_variable(f, node->symbol);
	case NODE_OUTPUT:
		return run_output(f, node->output);
	case NODE_ASSIGN:
		return run_assign(f, node->assign.symbol, node->assign.value);
	case NODE_CAPTURE:
		return run_capture(f, node);
	case NODE_IF:
		return run_if(f, node->branches);
	case NODE_CASE:
		return run_case(f, node->branches);
	case NODE_FOR:
		return run_for(f, node->loop);
	case NODE_TABLEROW:
		return run_tablerow(f, node->loop);
	case NODE_BREAK:
		return FLOW_BREAK;
	case NODE_CONTINUE:
		return FLOW_CONTINUE;
	case NODE_CYCLE:
		return run_cycle(f, node->cycle);
	case NODE_INCREMENT:
	case NODE_DECREMENT:
		return run_counter(f, node);
	case NODE_IFCHANGED:
		return run_ifchanged(f, node);
	case NODE_PARTIAL:
		return run_partial(f, node->call);
	case NODE_LAYOUT:
		return run_layout(f, node->layout);
	case NODE_SECTION:
		return run_source(f, node->section->source, &node->section->body);
	case NODE_REST:
		frame_put(f, f->rests[node->symbol]);
		return FLOW_NEXT;
	}
	return FLOW_NEXT;
}

enum flow run_counted(struct liquid_frame *f, const struct node *node)
{
	f->at = node->at;
	if (!frame_step(f))
		return FLOW_FAIL;
	enum flow flow = run_node(f, node);
	if (flow == FLOW_FAIL)
		return flow;
	f->at = node->at;
	if (f->out->failed || f->out->size + f->held_size > f->output_size)
		return (enum flow)fail_size(f);
	return flow;
}

enum flow run_block(struct liquid_frame *f, const struct block *block)
{
	enum flow flow = FLOW_NEXT;
	if (f->depth >= f->depth_limit)
		return (enum flow)frame_fail(f, "tags are nested deeper than %u",
					     f->depth_limit);
	f->depth++;
	for (const struct node *node = block->first; node && flow == FLOW_NEXT;
	     node = node->next)
		flow = run_counted(f, node);
	f->depth--;
	return flow;
}
