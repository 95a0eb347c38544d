/* liquid.c - compiling: symbols, the plan of runs, and what is read from outside.
 * The plan pass merges neighbouring literal text (a comment between two texts leaves none) and
 * prepares it for the encoding, so that rendering copies long spans and nothing else. */
#include "templates/liquid_parser.h"

#include <stdio.h>

enum { SOURCE_LIMIT = 64 << 20 }; /* offsets are 32 bit; no newsletter comes near */

uint32_t symbols_find(const struct symbols *symbols, str name)
{
	return (uint32_t)((uintptr_t)map_get(&symbols->by_name, name) - 1);
}

static int symbols_grow(struct symbols *symbols)
{
	size_t capacity = symbols->capacity ? symbols->capacity * 2 : 16;
	str *names = ARENA_ARRAY(symbols->by_name.arena, str, capacity);
	if (!names)
		return -1;
	if (symbols->count)
		memcpy(names, symbols->names, symbols->count * sizeof *names);
	symbols->names = names;
	symbols->capacity = capacity;
	return 0;
}

uint32_t symbols_intern(struct symbols *symbols, str name)
{
	uint32_t symbol = symbols_find(symbols, name);
	if (symbol != SYMBOL_NONE)
		return symbol;
	if (symbols->count == symbols->capacity && symbols_grow(symbols))
		return SYMBOL_NONE;
	symbol = (uint32_t)symbols->count;
	if (map_put(&symbols->by_name, name, (void *)(uintptr_t)(symbol + 1)))
		return SYMBOL_NONE;
	symbols->names[symbols->count++] = name;
	return symbol;
}

/* Joins the literal nodes from first on into first. */
static int merge_literals(struct compilation *c, struct node *first)
{
	size_t size = first->literal.text.size;
	struct node *end = first->next;
	for (; end && end->kind == NODE_LITERAL; end = end->next)
		size += end->literal.text.size;
	if (first->next == end)
		return 0;
	char *joined = arena_bytes(c->arena, size);
	if (!joined)
		return -1;
	size = 0;
	for (const struct node *node = first; node != end; node = node->next) {
		memcpy(joined + size, node->literal.text.data, node->literal.text.size);
		size += node->literal.text.size;
	}
	first->literal.text = (str){joined, size};
	first->next = end;
	return 0;
}

static int plan_literal(struct compilation *c, struct node *node)
{
	const struct liquid_encoding *encoding = c->options->encoding;
	if (node->literal.prepared.data)
		return 0; /* bodies that several branches share are planned once */
	if (merge_literals(c, node))
		return -1;
	if (!encoding) {
		node->literal.prepared = node->literal.text;
		return 0;
	}
	return encoding->prepare_literal(encoding->context, node->literal.text, c->arena,
					 &node->literal.prepared)
		       ? 0
		       : -1;
}

static int plan_branches(struct compilation *c, struct branch *branch)
{
	for (; branch; branch = branch->next)
		if (plan_block(c, &branch->body))
			return -1;
	return 0;
}

static int plan_node(struct compilation *c, struct node *node)
{
	switch (node->kind) {
	case NODE_LITERAL:
		return plan_literal(c, node);
	case NODE_CAPTURE:
		return plan_block(c, &node->capture.body);
	case NODE_IFCHANGED:
		return plan_block(c, &node->body);
	case NODE_IF:
	case NODE_CASE:
		return plan_branches(c, node->branches);
	case NODE_FOR:
	case NODE_TABLEROW:
		return plan_block(c, &node->loop->body) ? -1
							: plan_block(c, &node->loop->otherwise);
	default:
		return 0; /* holds no text */
	}
}

int plan_block(struct compilation *c, struct block *block)
{
	for (struct node *node = block->first; node; node = node->next)
		if (plan_node(c, node))
			return -1;
	return 0;
}

static int list_runs(struct arena *arena, struct liquid *liquid)
{
	size_t count = 0;
	for (const struct node *node = liquid->body.first; node; node = node->next)
		count++;
	liquid->runs = ARENA_ARRAY(arena, const struct node *, count + 1);
	if (!liquid->runs)
		return -1;
	for (const struct node *node = liquid->body.first; node; node = node->next)
		liquid->runs[liquid->run_count++] = node;
	return 0;
}

static int list_variables(struct arena *arena, struct liquid *liquid, const struct read *reads)
{
	size_t count = 0;
	for (const struct read *read = reads; read; read = read->next)
		count++;
	liquid->variables = ARENA_ARRAY(arena, str, count + 1);
	if (!liquid->variables)
		return -1;
	for (const struct read *read = reads; read; read = read->next)
		liquid->variables[liquid->variable_count++] = read->path;
	return 0;
}

static int compile(struct compilation *c, struct liquid *liquid)
{
	struct parser parser;
	if (parser_init(&parser, c, &liquid->source))
		return -1;
	if (liquid->source.text.size > SOURCE_LIMIT)
		return parser_fail(&parser, liquid->source.text.data, "larger than %d bytes",
				   SOURCE_LIMIT);
	if (parser_run(&parser, &liquid->body) || plan_block(c, &liquid->body) ||
	    list_runs(c->arena, liquid) || list_variables(c->arena, liquid, parser.reads))
		return parser_out_of_memory(
			&parser); /* unless a better reason is noted already */
	return 0;
}

struct liquid *liquid_compile(struct arena *arena, str source,
			      const struct liquid_options *options,
			      struct liquid_error *ret_error)
{
	struct liquid *liquid = ARENA_NEW(arena, struct liquid);
	*ret_error = (struct liquid_error){.file = options->file};
	str copy = arena_copy(arena, source.data ? source : STR(""));
	if (!liquid || !copy.data) {
		snprintf(ret_error->message, sizeof ret_error->message, "out of memory");
		return NULL;
	}
	liquid->source = (struct source){options->file, copy};
	liquid->options = *options;
	map_init(&liquid->symbols.by_name, arena, 0);
	struct compilation c = {.arena = arena,
				.options = &liquid->options,
				.symbols = &liquid->symbols,
				.partials = &liquid->partials,
				.error = ret_error,
				.use = &liquid->use};
	return compile(&c, liquid) ? NULL : liquid;
}

struct partial *liquid_compile_partial(struct arena *arena, const struct liquid *liquid,
				       struct symbols *symbols, struct partial **partials,
				       str name, struct liquid_error *ret_error)
{
	struct compilation c = {.arena = arena,
				.options = &liquid->options,
				.symbols = symbols,
				.partials = partials,
				.error = ret_error};
	struct partial *partial;
	return compile_partial(&c, name, &partial) ? NULL : partial;
}

size_t liquid_variable_count(const struct liquid *liquid)
{
	return liquid->variable_count;
}

str liquid_variable(const struct liquid *liquid, size_t index)
{
	return liquid->variables[index];
}

bool liquid_uses_zone(const struct liquid *liquid)
{
	return liquid->use.zone;
}

bool liquid_uses_locale(const struct liquid *liquid)
{
	return liquid->use.locale;
}

size_t liquid_run_count(const struct liquid *liquid)
{
	return liquid->run_count;
}

bool liquid_run_literal(const struct liquid *liquid, size_t run, str *ret_text)
{
	const struct node *node = liquid->runs[run];
	if (node->kind != NODE_LITERAL)
		return false;
	*ret_text = node->literal.prepared;
	return true;
}
