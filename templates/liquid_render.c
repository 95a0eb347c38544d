/* liquid_render.c - runs the nodes of a compiled template; see liquid_frame.h.
 * Blocks nest on the C stack, bounded by the frame's depth; loops are bounded by its steps. */
#include "templates/liquid_frame.h"

#include <stdarg.h>
#include <stdio.h>

#include "templates/value_number.h"
#include "templates/value_text.h"

int frame_fail(struct liquid_frame *f, const char *format, ...)
{
	if (!f->error || f->error->message[0])
		return -1;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(f->error->message, sizeof f->error->message, format, arguments);
	va_end(arguments);
	liquid_error_locate(f->error, f->source, f->at);
	return -1;
}

bool frame_work(struct liquid_frame *f, size_t amount)
{
	if (amount <= f->steps_left) {
		f->steps_left -= amount;
		return true;
	}
	frame_fail(f, "the template takes too many steps: is a loop larger than meant?");
	return false;
}

static bool take_memory(struct liquid_frame *f, size_t size)
{
	if (size > f->memory_left) {
		frame_fail(f, "the template makes more data than the limit of memory allows");
		return false;
	}
	f->memory_left -= size;
	return frame_work(f, size / 1024);
}

void *frame_alloc(struct liquid_frame *f, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total) || !take_memory(f, total))
		return NULL;
	void *memory = arena_alloc(f->scratch, total ? total : 1);
	if (!memory)
		frame_fail(f, "out of memory");
	return memory;
}

char *frame_bytes(struct liquid_frame *f, size_t size)
{
	if (!take_memory(f, size))
		return NULL;
	char *bytes = arena_bytes(f->scratch, size ? size : 1);
	if (!bytes)
		frame_fail(f, "out of memory");
	return bytes;
}

bool frame_text(struct liquid_frame *f, const struct value *value, str *ret_text)
{
	struct buf text;
	if (value->kind == VALUE_STRING || value->kind == VALUE_NIL) {
		*ret_text = value->kind == VALUE_NIL ? STR("") : value->string;
		return true;
	}
	buf_init_arena(&text, f->scratch, NUMBER_TEXT_SIZE);
	value_put(&text, value);
	if (!buf_ok(&text)) {
		frame_fail(f, "out of memory");
		return false;
	}
	*ret_text = buf_str(&text);
	return take_memory(f, text.capacity);
}

struct value *frame_keep(struct liquid_frame *f, const struct value *value)
{
	struct value *kept = frame_alloc(f, 1, sizeof *kept);
	if (kept)
		*kept = *value;
	return kept;
}

struct memory_cell *frame_cell(struct liquid_frame *f, struct memory_cell **list, str key)
{
	for (struct memory_cell *cell = *list; cell; cell = cell->next)
		if (str_eq(cell->key, key))
			return cell;
	struct memory_cell *cell = frame_alloc(f, 1, sizeof *cell);
	if (!cell)
		return NULL;
	*cell = (struct memory_cell){.key = key, .next = *list};
	*list = cell;
	return cell;
}

void frame_put(struct liquid_frame *f, str text)
{
	const struct liquid_encoding *encoding = f->liquid->options.encoding;
	if (encoding && !f->plain)
		encoding->encode_output(encoding->context, text, f->out);
	else
		buf_put(f->out, text);
}

static int output_text(struct liquid_frame *f, str text, bool safe)
{
	if (frame_escapes(f) && !safe && !frame_escape(f, text, &text))
		return -1;
	frame_put(f, text);
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
		if (depth > VALUE_DEPTH_LIMIT || !frame_work(f, value->array.count / 8))
			return -1;
		for (size_t i = 0; i < value->array.count; i++)
			if (output_at(f, &value->array.items[i], depth + 1))
				return -1;
		return 0;
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
	str name = f->symbols->names[symbol];
	return (enum flow)frame_fail(f, "undefined variable '%.*s'",
				     STR_FORMAT(str_sub(name, 0, 80)));
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
	if (flow == FLOW_FAIL || !take_memory(f, text.capacity))
		return FLOW_FAIL;
	*ret_text = text.size ? buf_str(&text) : STR("");
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

/* Counters live among the data from outside, where assigned names hide them. */
static enum flow run_counter(struct liquid_frame *f, const struct node *node)
{
	struct binding *binding = &f->scope->bindings[node->symbol];
	bool down = node->kind == NODE_DECREMENT;
	struct value before = binding->root ? value_to_number(*binding->root) : value_int(0);
	struct value after = number_add(before, value_int(down ? -1 : 1));
	binding->root = frame_keep(f, &after);
	if (!binding->root)
		return FLOW_FAIL;
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

static enum flow run_literal(struct liquid_frame *f, const struct node *node)
{
	const struct liquid_encoding *encoding = f->liquid->options.encoding;
	if (f->plain || !encoding)
		buf_put(f->out, node->literal.text);
	else
		encoding->put_literal(encoding->context, node->literal.prepared, f->out);
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
	}
	return FLOW_NEXT;
}

static enum flow run_bounded(struct liquid_frame *f, const struct node *node)
{
	f->at = node->at;
	if (!frame_work(f, 1))
		return FLOW_FAIL;
	enum flow flow = run_node(f, node);
	if (flow == FLOW_FAIL)
		return flow;
	f->at = node->at;
	if (f->out->failed)
		return (enum flow)frame_fail(f, "out of memory for what the template writes");
	if (f->out->size + f->held_size > f->output_size)
		return (enum flow)frame_fail(f, "the template writes more than %zu bytes",
					     f->output_size);
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
		flow = run_bounded(f, node);
	f->depth--;
	return flow;
}

/* Finds the data of each root name; those in the order of the names are found at once. */
static void resolve_roots(struct liquid_frame *f)
{
	size_t at = 0, count = f->roots->kind == VALUE_HASH ? f->roots->hash.count : 0;
	const struct value_pair *pairs = f->roots->hash.pairs;
	for (size_t symbol = 0; symbol < f->root_count; symbol++) {
		str name = f->symbols->names[symbol];
		for (size_t seen = 0; seen < count; seen++) {
			const struct value_pair *pair = &pairs[at];
			at = at + 1 < count ? at + 1 : 0;
			if (!str_eq(pair->name, name))
				continue;
			f->root_values[symbol] = &pair->value;
			break;
		}
	}
}

struct liquid_frame *liquid_frame_begin(const struct liquid *liquid, const struct value *roots,
					const struct liquid_limits *limits, usec wall_now,
					struct arena *scratch)
{
	static const struct liquid_limits defaults;
	const struct liquid_limits *l = limits ? limits : &defaults;
	struct liquid_frame *f = ARENA_NEW(scratch, struct liquid_frame);
	if (!f)
		return NULL;
	*f = (struct liquid_frame){
		.liquid = liquid,
		.symbols = &liquid->symbols,
		.source = &liquid->source,
		.roots = roots,
		.root_count = liquid->symbols.count,
		.scratch = scratch,
		.wall_now = wall_now,
		.partials = liquid->partials,
		.steps_left = l->steps ? l->steps : 1000000,
		.output_size = l->output_size ? l->output_size : (size_t)16 << 20,
	};
	f->depth_limit = l->depth && l->depth < DEPTH_LIMIT_MAX ? l->depth
			 : l->depth                             ? DEPTH_LIMIT_MAX
								: DEPTH_LIMIT;
	f->memory_left = l->memory_size ? l->memory_size : f->output_size * 4;
	f->root_values = ARENA_ARRAY(scratch, const struct value *, f->root_count + 1);
	if (!f->root_values)
		return NULL;
	resolve_roots(f);
	f->scope = frame_scope(f);
	return f->scope ? f : NULL;
}

int liquid_frame_run(struct liquid_frame *f, size_t run, struct buf *out,
		     struct liquid_error *ret_error)
{
	if (f->stopped)
		return 0;
	*ret_error = (struct liquid_error){};
	f->error = ret_error;
	f->out = out;
	f->held_size = 0;
	size_t limit = f->output_size, before = out->size; /* what stands there is not ours */
	f->output_size = limit + before;
	enum flow flow = run_bounded(f, f->liquid->runs[run]);
	f->output_size = flow == FLOW_FAIL ? 0 : limit - (out->size - before);
	f->stopped = flow != FLOW_NEXT;
	return flow == FLOW_FAIL ? -1 : 0;
}

bool liquid_frame_stopped(const struct liquid_frame *f)
{
	return f->stopped;
}

int liquid_render(const struct liquid *liquid, const struct value *roots,
		  const struct liquid_limits *limits, usec wall_now, struct arena *scratch,
		  struct buf *out, struct liquid_error *ret_error)
{
	*ret_error = (struct liquid_error){.file = liquid->source.file};
	struct liquid_frame *f = liquid_frame_begin(liquid, roots, limits, wall_now, scratch);
	if (!f) {
		snprintf(ret_error->message, sizeof ret_error->message, "out of memory");
		return -1;
	}
	f->error = ret_error;
	f->out = out;
	f->output_size += out->size;
	return run_block(f, &liquid->body) == FLOW_FAIL ? -1 : 0;
}
