/* lint_fields.c - which attributes of recipients the content reads, and where it prints one
 * that may be empty without saying what is to stand there instead.
 *
 * The compiled trees are walked. A field is bare where it is printed with neither the filter
 * `default` nor a condition on it around; printing a variable that was assigned from a field is
 * printing the field. Loops over a field print nothing when there is none, so they ask for no
 * default. */
#include "templates/lint.h"

#include "templates/filters.h"
#include "templates/liquid_tree.h"
#include "templates/message_plan.h"

#define DEPTH 100          /* as deep as a template may be */
#define NODE_LIMIT 1000000 /* partials that render each other have no end by themselves */

struct reader {
	struct arena *arena;
	const struct liquid *liquid;
	const struct source *source; /* of the node that is looked at */
	bool is_key;                 /* of campaign.conf: its lines are not the file's */
	struct lint_field *fields;
	size_t count;
	str *aliases;      /* by symbol: the field that was assigned to it; data NULL: none */
	str guards[DEPTH]; /* fields that conditions around ask for */
	size_t guard_count;
	unsigned depth;
	uint32_t nodes_left;
};

/* "first_name", "subscriber.first_name", "first_name.last": first_name. data NULL: no field. */
static str field_of(const struct reader *r, const struct expression *e)
{
	if (e->kind != EXPRESSION_VARIABLE || e->variable.symbol == SYMBOL_NONE)
		return (str){};
	uint32_t symbol = e->variable.symbol;
	str root = r->liquid->symbols.names[symbol];
	if (r->aliases[symbol].data)
		return r->aliases[symbol];
	if (!str_eq(root, STR("subscriber")))
		return message_is_built_in(root) ? (str){} : root;
	str name = e->variable.lookup_count ? e->variable.lookups[0].name : (str){};
	bool is_column = str_eq(name, STR("email")) || str_eq(name, STR("name"));
	return name.size == 0 || is_column ? (str){} : name;
}

static struct lint_field *find(struct reader *r, str name)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_eq(r->fields[i].name, name))
			return &r->fields[i];
	return NULL;
}

static bool is_guarded(const struct reader *r, str name)
{
	for (size_t i = 0; i < r->guard_count; i++)
		if (str_eq(r->guards[i], name))
			return true;
	return false;
}

static struct lint_place place_of(const struct reader *r, uint32_t at)
{
	struct liquid_error error = {};
	if (r->is_key && r->source == &r->liquid->source)
		return (struct lint_place){r->source->file, 0, 0};
	liquid_error_locate(&error, r->source, at);
	return (struct lint_place){error.file, error.line, error.column};
}

/* Printed: the first place counts, and the first bare one more. */
static void note(struct reader *r, str name, uint32_t at, bool bare)
{
	struct lint_field *field = find(r, name);
	if (field && bare && !field->bare && !is_guarded(r, name)) {
		field->bare = true;
		field->place = place_of(r, at);
	} else if (field && !field->place.line) {
		field->place = place_of(r, at);
	}
}

static bool has_default(const struct pipeline *p)
{
	for (size_t i = 0; i < p->call_count; i++)
		if (str_eq(str_of(p->calls[i].filter->name), STR("default")))
			return true;
	return false;
}

static void walk(struct reader *, const struct block *);

static void note_output(struct reader *r, const struct node *n)
{
	const struct pipeline *p = n->output;
	str field = field_of(r, &p->head);
	if (field.data)
		note(r, field, n->at, !has_default(p));
}

static void note_assign(struct reader *r, const struct node *n)
{
	const struct pipeline *p = n->assign.value;
	str field = field_of(r, &p->head);
	if (field.data)
		note(r, field, n->at, false);
	r->aliases[n->assign.symbol] = has_default(p) ? (str){} : field;
}

static void add_guard(struct reader *r, const struct expression *e)
{
	str field = field_of(r, e);
	if (field.data && r->guard_count < DEPTH)
		r->guards[r->guard_count++] = field;
}

/* Whatever a condition of the branches asks for is thought of in all of them. */
static void walk_branches(struct reader *r, const struct node *n)
{
	size_t before = r->guard_count;
	for (const struct branch *b = n->branches; b; b = b->next) {
		for (const struct condition *c = b->condition; c; c = c->next) {
			add_guard(r, &c->left);
			add_guard(r, &c->right);
		}
	}
	for (size_t i = before; i < r->guard_count; i++)
		note(r, r->guards[i], n->at, false);
	for (const struct branch *b = n->branches; b; b = b->next)
		walk(r, &b->body);
	r->guard_count = before;
}

static void walk_partial(struct reader *r, const struct partial_call *call)
{
	const struct source *before = r->source;
	if (!call->partial)
		return;
	r->source = &call->partial->source;
	walk(r, &call->partial->body);
	r->source = before;
}

static void walk_node(struct reader *r, const struct node *n)
{
	struct expression variable = {.kind = EXPRESSION_VARIABLE};
	switch (n->kind) {
	case NODE_VARIABLE:
		variable.variable.symbol = n->symbol;
		note_output(r, &(struct node){.at = n->at,
					      .output = &(struct pipeline){.head = variable}});
		break;
	case NODE_OUTPUT:
		note_output(r, n);
		break;
	case NODE_ASSIGN:
		note_assign(r, n);
		break;
	case NODE_CAPTURE:
		walk(r, &n->capture.body);
		break;
	case NODE_IF:
	case NODE_CASE:
		walk_branches(r, n);
		break;
	case NODE_FOR:
	case NODE_TABLEROW:
		walk(r, &n->loop->body);
		walk(r, &n->loop->otherwise);
		break;
	case NODE_IFCHANGED:
		walk(r, &n->body);
		break;
	case NODE_PARTIAL:
		walk_partial(r, n->call);
		break;
	default:
		break;
	}
}

static void walk(struct reader *r, const struct block *block)
{
	if (r->depth == DEPTH)
		return;
	r->depth++;
	for (const struct node *n = block->first; n && r->nodes_left > 0; n = n->next) {
		r->nodes_left--;
		walk_node(r, n);
	}
	r->depth--;
}

static bool load_partial(void *context, str name, struct arena *, str *ret_source)
{
	const struct value *partials = context;
	const struct value *source = partials ? value_get(partials, name) : NULL;
	if (!source || source->kind != VALUE_STRING)
		return false;
	*ret_source = source->string;
	return true;
}

/* The same of a path that was read: "subscriber.city" is city. */
static str field_of_path(str path)
{
	str root = str_cut(&path, '.');
	if (!str_eq(root, STR("subscriber")))
		return message_is_built_in(root) ? (str){} : root;
	str name = str_cut(&path, '.');
	bool is_column = str_eq(name, STR("email")) || str_eq(name, STR("name"));
	return name.size == 0 || is_column ? (str){} : name;
}

static int add_fields(struct reader *r)
{
	size_t more = liquid_variable_count(r->liquid);
	struct lint_field *fields =
		ARENA_ARRAY(r->arena, struct lint_field, r->count + more + 1);
	if (!fields)
		return -1;
	for (size_t i = 0; i < r->count; i++)
		fields[i] = r->fields[i];
	r->fields = fields;
	for (size_t i = 0; i < more; i++) {
		str name = field_of_path(liquid_variable(r->liquid, i));
		if (name.data && !find(r, name))
			r->fields[r->count++] = (struct lint_field){
				.name = name, .place = {r->source->file, 0, 0}};
	}
	return 0;
}

static int read_source(struct reader *r, const struct lint_source *source, str file, str text)
{
	struct liquid_error error;
	struct liquid_options options = {
		.load_partial = load_partial,
		.load_context = (void *)(uintptr_t)source->partials,
	};
	if (source->plan)
		options =
			message_liquid_options(&source->plan->source, file, LIQUID_ESCAPE_HTML);
	options.file = file;
	if (!text.data)
		return 0;
	r->liquid = liquid_compile(r->arena, text, &options, &error);
	if (!r->liquid)
		return -1;
	r->aliases = ARENA_ARRAY(r->arena, str, r->liquid->symbols.count + 1);
	r->source = &r->liquid->source;
	if (!r->aliases || add_fields(r) != 0)
		return -1;
	walk(r, &r->liquid->body);
	return 0;
}

/* A text that was made reads what the HTML does, at lines that nobody has seen. */
int lint_fields(struct arena *arena, const struct lint_source *source,
		struct lint_field **ret_fields, size_t *ret_count)
{
	struct reader r = {.arena = arena, .nodes_left = NODE_LIMIT};
	bool made = source->text_is_made && source->html.data;
	if (read_source(&r, source, source->html_file, source->html) != 0 ||
	    (!made && read_source(&r, source, source->text_file, source->text) != 0))
		return -1;
	if (source->plan &&
	    (read_source(&r, source, STR("body.amp.html"), source->plan->source.amp) != 0 ||
	     read_source(&r, source, source->plan->source.calendar.name,
			 source->plan->source.calendar.source) != 0))
		return -1;
	r.is_key = true;
	if (read_source(&r, source, source->conf_file, source->subject) != 0 ||
	    read_source(&r, source, source->conf_file, source->from_name) != 0)
		return -1;
	for (size_t i = 0; i < source->header_count; i++)
		if (read_source(&r, source, source->conf_file, source->headers[i].value) != 0)
			return -1;
	*ret_fields = r.fields;
	*ret_count = r.count;
	return 0;
}
