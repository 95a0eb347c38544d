/* liquid_tags_partial.c - include and render.
 *
 *   include = expression *(clause / argument)
 *   render  = string *(clause / argument)
 *   clause   = ("with" / "for") expression / "as" name
 *   argument = [","] name ":" expression
 *
 * include shares the variables of its place, render sees only arguments and the data. */
#include "templates/liquid_parser.h"

static struct partial *find_partial(struct partial *list, str name)
{
	for (; list; list = list->next)
		if (str_eq(list->name, name))
			return list;
	return NULL;
}

static int parse_partial(struct compilation *c, struct partial *partial)
{
	struct parser parser;
	if (parser_init(&parser, c, &partial->source) || parser_run(&parser, &partial->body))
		return -1;
	partial->reads = parser.reads;
	partial->compiled = true;
	return plan_block(c, &partial->body);
}

/* 0 with NULL in *ret_partial when there is none of that name. */
int compile_partial(struct compilation *c, str name, struct partial **ret_partial)
{
	*ret_partial = find_partial(*c->partials, name);
	if (*ret_partial)
		return 0;
	str text;
	if (!c->options->load_partial ||
	    !c->options->load_partial(c->options->load_context, name, c->arena, &text))
		return 0;
	struct partial *partial = ARENA_NEW(c->arena, struct partial);
	str copy = arena_copy(c->arena, name);
	if (!partial || !copy.data)
		return -1;
	*partial = (struct partial){.name = copy, .source = {copy, text}, .next = *c->partials};
	*c->partials = partial;
	*ret_partial = partial;
	return parse_partial(c, partial);
}

static int load_static(struct parser *p, const struct tag *tag, struct partial_call *call)
{
	str name = call->name.literal.string;
	if (compile_partial(p->compilation, name, &call->partial))
		return parser_out_of_memory(p); /* unless a better reason is noted already */
	if (!call->partial)
		return parser_fail(p, tag->at, "there is no partial named '%.*s'",
				   STR_FORMAT(str_sub(name, 0, 80)));
	if (call->variable != SYMBOL_NONE)
		return 0;
	size_t slash = str_rfind_byte(name, '/');
	return parser_intern(p, slash == STR_NONE ? name : str_from(name, slash + 1),
			     &call->variable);
}

static int parse_named(struct parser *p, struct lexer *l, struct partial_call *call)
{
	if (call->named_count % ARGUMENT_LIMIT == 0) {
		struct named *grown = ARENA_ARRAY(p->compilation->arena, struct named,
						  call->named_count + ARGUMENT_LIMIT);
		if (!grown)
			return parser_out_of_memory(p);
		if (call->named_count)
			memcpy(grown, call->named, call->named_count * sizeof *grown);
		call->named = grown;
	}
	uint32_t symbol;
	if (parse_name(p, l, &symbol))
		return -1;
	if (!lexer_accept(l, TOKEN_COLON))
		return parser_fail(p, l->token.at, "expected ':' behind the argument's name");
	size_t at = 0; /* of two of a name the last counts */
	while (at < call->named_count && call->named[at].symbol != symbol)
		at++;
	call->named_count += at == call->named_count;
	call->named[at].symbol = symbol;
	return parse_expression(p, l, &call->named[at].value);
}

static int parse_clause(struct parser *p, struct lexer *l, struct partial_call *call)
{
	struct lexer ahead = *l;
	lexer_advance(&ahead);
	if (ahead.token.kind == TOKEN_COLON)
		return parse_named(p, l, call);
	if (lexer_is_name(l, "for") || lexer_is_name(l, "with")) {
		call->each = lexer_is_name(l, "for");
		call->has_with = true;
		*l = ahead;
		return parse_expression(p, l, &call->with);
	}
	if (lexer_accept_name(l, "as"))
		return parse_name(p, l, &call->variable);
	return parse_named(p, l, call);
}

/* What the partial reads and is not given here is read from outside. */
static int note_reads(struct parser *p, const struct partial_call *call)
{
	uint32_t helper;
	if (parser_intern(p, STR("forloop"), &helper))
		return -1;
	if (!call->partial || !call->partial->compiled)
		return 0;
	for (const struct read *read = call->partial->reads; read; read = read->next) {
		bool given = read->symbol == call->variable ||
			     (call->isolated && call->each && read->symbol == helper);
		for (size_t i = 0; i < call->named_count; i++)
			given = given || call->named[i].symbol == read->symbol;
		if (given)
			continue;
		if (call->isolated ? parser_add_read(p, read->symbol, read->path)
				   : parser_note_read(p, read->symbol, read->path))
			return -1;
	}
	return 0;
}

static int parse_call(struct parser *p, const struct tag *tag, struct block *into,
		      bool isolated)
{
	struct partial_call *call = ARENA_NEW(p->compilation->arena, struct partial_call);
	struct node *node = parser_add(p, into, NODE_PARTIAL, tag->at);
	struct lexer lexer;
	if (!call || !node)
		return parser_out_of_memory(p);
	into->blank = false;
	node->call = call;
	*call = (struct partial_call){.isolated = isolated, .variable = SYMBOL_NONE};
	lexer_init(&lexer, tag->markup);
	if (isolated && lexer.token.kind != TOKEN_STRING)
		return parser_fail(p, lexer.token.at,
				   "render wants the partial's name in quotes");
	if (parse_expression(p, &lexer, &call->name))
		return -1;
	for (lexer_accept(&lexer, TOKEN_COMMA); lexer.token.kind != TOKEN_END;
	     lexer_accept(&lexer, TOKEN_COMMA))
		if (parse_clause(p, &lexer, call))
			return -1;
	if (call->name.kind == EXPRESSION_LITERAL && call->name.literal.kind != VALUE_STRING)
		return parser_fail(p, tag->at, "a partial's name is a string");
	if (call->name.kind == EXPRESSION_LITERAL && load_static(p, tag, call))
		return -1;
	if (call->partial && parser_intern(p, call->partial->name, &call->same))
		return -1;
	return note_reads(p, call);
}

int parse_include(struct parser *p, const struct tag *tag, struct block *into)
{
	return parse_call(p, tag, into, false);
}

int parse_render(struct parser *p, const struct tag *tag, struct block *into)
{
	return parse_call(p, tag, into, true);
}
