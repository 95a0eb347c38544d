/* liquid_partials.c - include and render while rendering, and the scopes they run in. */
#include "templates/liquid_frame.h"

#include "templates/value_text.h"

/* Bindings for every symbol known by now; a partial that came in late brings new ones. */
int scope_reserve(struct liquid_frame *f, struct scope *scope)
{
	size_t count = f->symbols->count;
	if (scope->binding_count >= count)
		return 0;
	struct binding *bindings = frame_alloc(f, count, sizeof *bindings);
	if (!bindings)
		return -1;
	if (scope->binding_count)
		memcpy(bindings, scope->bindings, scope->binding_count * sizeof *bindings);
	for (size_t i = scope->binding_count; i < count; i++)
		bindings[i].root = i < f->root_count
					   ? f->root_values[i]
					   : value_get(f->roots, f->symbols->names[i]);
	scope->bindings = bindings;
	scope->binding_count = count;
	return 0;
}

struct scope *frame_scope(struct liquid_frame *f)
{
	struct scope *scope = f->free_scopes;
	if (scope) {
		f->free_scopes = scope->next_free;
		struct binding *bindings = scope->bindings;
		size_t count = scope->binding_count;
		for (size_t i = 0; i < count; i++)
			bindings[i] = (struct binding){
				.root = i < f->root_count
						? f->root_values[i]
						: value_get(f->roots, f->symbols->names[i])};
		*scope = (struct scope){.bindings = bindings, .binding_count = count};
	} else {
		scope = frame_alloc(f, 1, sizeof *scope);
	}
	return scope && scope_reserve(f, scope) == 0 && frame_effort(f, scope->binding_count)
		       ? scope
		       : NULL;
}

/* The first partial that comes in while rendering: symbols are ours from here on. */
static int own_symbols(struct liquid_frame *f)
{
	if (f->symbols == &f->own_symbols)
		return 0;
	map_init(&f->own_symbols.by_name, f->scratch, 0);
	for (size_t i = 0; i < f->symbols->count; i++)
		if (symbols_intern(&f->own_symbols, f->symbols->names[i]) == SYMBOL_NONE)
			return frame_fail(f, "out of memory");
	f->symbols = &f->own_symbols;
	return 0;
}

static int load_computed(struct liquid_frame *f, const struct partial_call *call,
			 struct partial **ret_partial)
{
	struct value name;
	if (evaluate(f, &call->name, &name))
		return -1;
	if (name.kind != VALUE_STRING)
		return frame_fail(f, "a partial's name is a string");
	for (*ret_partial = f->partials; *ret_partial; *ret_partial = (*ret_partial)->next)
		if (str_eq((*ret_partial)->name, name.string))
			return 0;
	if (own_symbols(f) || !frame_effort(f, 100 * EFFORT_OF_STEP))
		return -1;
	*ret_partial = liquid_compile_partial(f->scratch, f->liquid, &f->own_symbols,
					      &f->partials, name.string, f->error);
	if (!*ret_partial)
		return frame_fail(f, "there is no partial named '%.*s'",
				  STR_FORMAT(str_sub(name.string, 0, 80)));
	return 0;
}

enum flow run_source(struct liquid_frame *f, const struct source *source,
		     const struct block *block)
{
	const struct source *around = f->source;
	f->source = source;
	enum flow flow = run_block(f, block);
	if (flow != FLOW_FAIL)
		f->source = around;
	return flow;
}

static int named_values(struct liquid_frame *f, const struct partial_call *call,
			const struct value **ret_values)
{
	for (size_t i = 0; i < call->named_count; i++) {
		struct value value;
		if (evaluate(f, &call->named[i].value, &value))
			return -1;
		ret_values[i] = frame_keep(f, &value);
		if (!ret_values[i])
			return -1;
	}
	return 0;
}

/* Once with the value, or once with each item of an array. */
static enum flow run_with(struct liquid_frame *f, const struct partial *partial,
			  uint32_t variable, const struct value *with)
{
	if (with->kind != VALUE_ARRAY) {
		f->scope->bindings[variable].inner = with;
		return run_source(f, &partial->source, &partial->body);
	}
	enum flow flow = FLOW_NEXT;
	for (size_t i = 0; i < with->array.count && flow == FLOW_NEXT; i++) {
		if (!frame_turn(f))
			return FLOW_FAIL;
		f->scope->bindings[variable].inner = &with->array.items[i];
		flow = run_source(f, &partial->source, &partial->body);
	}
	return flow;
}

/* What the partial is handed: what is said, else, as in the reference, the variable that is
 * called as the partial. */
static int value_with(struct liquid_frame *f, const struct partial_call *call,
		      const struct partial *partial, struct value *ret)
{
	const struct value *found;
	if (call->has_with)
		return evaluate(f, &call->with, ret);
	uint32_t symbol = call->partial ? call->same : symbols_find(f->symbols, partial->name);
	found = symbol < f->scope->binding_count ? frame_lookup(f, symbol)
						 : frame_member(f, f->roots, partial->name);
	*ret = found ? *found : (struct value){.kind = VALUE_NIL};
	return 0;
}

/* Each sees those before it. before: what they were outside. */
static int bind_named(struct liquid_frame *f, const struct partial_call *call,
		      const struct value **before)
{
	for (size_t i = 0; i < call->named_count; i++) {
		struct value value;
		if (evaluate(f, &call->named[i].value, &value))
			return -1;
		const struct value *kept = frame_keep(f, &value);
		if (!kept)
			return -1;
		before[i] = frame_bind(f, call->named[i].symbol, kept);
	}
	return 0;
}

/* The variable is bound, to nil if need be, and hides an argument of its name: as the
 * reference. */
static enum flow include(struct liquid_frame *f, const struct partial_call *call,
			 const struct partial *partial, uint32_t variable)
{
	const struct value **before = frame_alloc(f, call->named_count + 1, sizeof *before);
	struct value *with = frame_alloc(f, 1, sizeof *with);
	if (!before || !with || value_with(f, call, partial, with) ||
	    bind_named(f, call, before))
		return FLOW_FAIL;
	const struct value *outer = f->scope->bindings[variable].inner;
	enum flow flow = run_with(f, partial, variable, with);
	frame_bind(f, variable, outer);
	for (size_t i = call->named_count; i-- > 0;)
		frame_bind(f, call->named[i].symbol, before[i]);
	return flow;
}

/* One rendering in a scope of its own; break and continue end there. */
static enum flow render_once(struct liquid_frame *f, const struct partial_call *call,
			     const struct partial *partial, const struct value *item,
			     const struct value *helper)
{
	struct scope *outside = f->scope;
	const struct value **values = frame_alloc(f, call->named_count + 1, sizeof *values);
	if (!values || named_values(f, call, values))
		return FLOW_FAIL;
	struct scope *scope = frame_scope(f);
	if (!scope)
		return FLOW_FAIL;
	scope->isolated = true;
	if (helper)
		scope->bindings[symbols_find(f->symbols, STR("forloop"))].assigned = helper;
	for (size_t i = 0; i < call->named_count; i++)
		scope->bindings[call->named[i].symbol].assigned = values[i];
	if (item->kind != VALUE_NIL)
		scope->bindings[call->variable].assigned = item;
	f->scope = scope;
	enum flow flow = run_source(f, &partial->source, &partial->body);
	f->scope = outside;
	scope->next_free = f->free_scopes;
	f->free_scopes = scope;
	return flow == FLOW_FAIL ? FLOW_FAIL : FLOW_NEXT;
}

static enum flow render_each(struct liquid_frame *f, const struct partial_call *call,
			     const struct partial *partial, const struct value *with)
{
	struct items items = items_of(with, 0, SIZE_MAX);
	struct value name = value_string(partial->name);
	struct value *helper = loop_helper(f, &name, items.count, NULL);
	if (!helper)
		return FLOW_FAIL;
	for (size_t i = 0; i < items.count; i++) {
		struct value *item = frame_alloc(f, 1, sizeof *item);
		if (!item || !frame_turn(f) || items_at(f, &items, i, item))
			return FLOW_FAIL;
		loop_helper_set(helper, i, items.count);
		if (render_once(f, call, partial, item, helper) == FLOW_FAIL)
			return FLOW_FAIL;
	}
	return FLOW_NEXT;
}

static enum flow render(struct liquid_frame *f, const struct partial_call *call,
			const struct partial *partial)
{
	struct value *with = frame_alloc(f, 1, sizeof *with);
	if (!with || evaluate(f, &call->with, with))
		return FLOW_FAIL;
	if (call->each && (with->kind == VALUE_ARRAY || with->kind == VALUE_HASH ||
			   with->kind == VALUE_RANGE))
		return render_each(f, call, partial, with);
	return render_once(f, call, partial, with, NULL);
}

enum flow run_partial(struct liquid_frame *f, const struct partial_call *call)
{
	struct partial *partial = call->partial;
	uint32_t variable = call->variable;
	if (!call->isolated && f->scope->isolated)
		return (enum flow)frame_fail(f, "include is not allowed inside of render");
	if (!partial && load_computed(f, call, &partial))
		return FLOW_FAIL;
	if (variable == SYMBOL_NONE) {
		size_t slash = str_rfind_byte(partial->name, '/');
		str name =
			slash == STR_NONE ? partial->name : str_from(partial->name, slash + 1);
		variable = symbols_find(f->symbols, name);
		if (variable == SYMBOL_NONE && own_symbols(f) == 0)
			variable = symbols_intern(&f->own_symbols, name);
		if (variable == SYMBOL_NONE)
			return (enum flow)frame_fail(f, "out of memory");
	}
	if (scope_reserve(f, f->scope))
		return FLOW_FAIL;
	return call->isolated ? render(f, call, partial) : include(f, call, partial, variable);
}
