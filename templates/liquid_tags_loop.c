/* liquid_tags_loop.c - for, tablerow and cycle.
 *
 *   for      = name "in" expression ["reversed"] *([","] ("limit" / "offset") ":" expression)
 *   tablerow = name "in" expression *([","] ("limit" / "offset" / "cols") ":" expression)
 *   cycle    = [expression ":"] expression *("," expression)
 */
#include "templates/liquid_parser.h"

static int parse_attribute(struct parser *p, struct lexer *l, struct loop *loop, bool table)
{
	struct lexer ahead = *l;
	struct expression **to = NULL;
	if (lexer_accept_name(l, "limit"))
		to = &loop->limit;
	else if (lexer_accept_name(l, "offset"))
		to = &loop->offset;
	else if (table && lexer_accept_name(l, "cols"))
		to = &loop->columns;
	else if (!table && lexer_accept_name(l, "reversed"))
		return loop->reversed = true, 0;
	if (!to || !lexer_accept(l, TOKEN_COLON))
		return parser_fail(p, ahead.token.at,
				   table ? "expected limit:, offset: or cols:"
					 : "expected limit:, offset: or reversed");
	if (to == &loop->offset && !table && lexer_is_name(l, "continue")) {
		loop->from_continue = true;
		loop->offset = NULL;
		lexer_advance(l);
		return 0;
	}
	if (to == &loop->offset)
		loop->from_continue = false;
	return parse_expression_new(p, l, to);
}

static int name_loop(struct parser *p, struct loop *loop, str variable,
		     const struct lexer *from, const struct lexer *to)
{
	struct buf name;
	buf_init_arena(&name, p->compilation->arena, 32);
	buf_put(&name, variable);
	buf_put_byte(&name, '-');
	buf_put(&name, parser_token_text(p, from, to));
	if (!buf_ok(&name))
		return parser_out_of_memory(p);
	loop->name = buf_str(&name);
	return 0;
}

static int parse_head(struct parser *p, str markup, struct loop *loop, bool table)
{
	struct lexer lexer;
	lexer_init(&lexer, markup);
	str variable = lexer.token.text;
	if (parse_name(p, &lexer, &loop->variable))
		return -1;
	if (table && str_ends(variable, STR("?")))
		return parser_fail(p, lexer.token.at,
				   "a tablerow's variable has no '?' at its end");
	if (!lexer_accept_name(&lexer, "in"))
		return parser_fail(p, lexer.token.at, "expected 'in' after '%.*s'",
				   STR_FORMAT(str_sub(variable, 0, 60)));
	struct lexer from = lexer;
	if (parse_expression(p, &lexer, &loop->collection) ||
	    name_loop(p, loop, variable, &from, &lexer))
		return -1;
	for (;;) {
		lexer_accept(&lexer, TOKEN_COMMA);
		if (lexer.token.kind == TOKEN_END)
			return 0;
		if (parse_attribute(p, &lexer, loop, table))
			return -1;
	}
}

static int parse_loop(struct parser *p, const struct tag *tag, struct block *into,
		      enum node_kind kind, struct loop **ret_loop)
{
	struct loop *loop = ARENA_NEW(p->compilation->arena, struct loop);
	struct node *node = parser_add(p, into, kind, tag->at);
	if (!loop || !node)
		return parser_out_of_memory(p);
	node->loop = loop;
	block_init(&loop->body);
	block_init(&loop->otherwise);
	str helper = kind == NODE_FOR ? STR("forloop") : STR("tablerowloop");
	if (parse_head(p, tag->markup, loop, kind == NODE_TABLEROW) ||
	    parser_intern(p, helper, &loop->helper))
		return -1;
	*ret_loop = loop;
	return 0;
}

static int parse_body(struct parser *p, const struct tag *tag, struct loop *loop,
		      const char *const *ends, struct tag *ret_end)
{
	if (parser_bind(p, loop->variable) || parser_bind(p, loop->helper))
		return -1;
	int result = parse_block(p, &loop->body, tag, ends, ret_end);
	parser_unbind(p, loop->variable);
	parser_unbind(p, loop->helper);
	return result;
}

int parse_for(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endfor", "else", NULL};
	struct loop *loop;
	struct tag end;
	if (parse_loop(p, tag, into, NODE_FOR, &loop) || parse_body(p, tag, loop, ends, &end))
		return -1;
	while (!str_eq(end.name, STR("endfor"))) {
		block_init(&loop->otherwise);
		if (parse_block(p, &loop->otherwise, tag, ends, &end))
			return -1;
	}
	if (loop->body.blank && loop->otherwise.blank) {
		block_drop_blanks(&loop->body);
		block_drop_blanks(&loop->otherwise);
	} else {
		into->blank = false;
	}
	return 0;
}

int parse_tablerow(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endtablerow", NULL};
	struct loop *loop;
	struct tag end;
	if (parse_loop(p, tag, into, NODE_TABLEROW, &loop) ||
	    parse_body(p, tag, loop, ends, &end))
		return -1;
	into->blank = into->blank && loop->body.blank; /* though it writes: as the reference */
	return 0;
}

static int parse_items(struct parser *p, struct lexer *l, struct cycle *cycle)
{
	struct expression items[ARGUMENT_LIMIT * 4];
	struct lexer from = *l;
	do {
		if (cycle->count == sizeof items / sizeof *items)
			return parser_fail(p, l->token.at, "too many items in a cycle");
		if (parse_expression(p, l, &items[cycle->count]))
			return -1;
		/* A literal nil is no item, as in the reference. */
		const struct expression *item = &items[cycle->count];
		cycle->count +=
			item->kind != EXPRESSION_LITERAL || item->literal.kind != VALUE_NIL;
	} while (lexer_accept(l, TOKEN_COMMA) && l->token.kind != TOKEN_END);
	cycle->items = ARENA_ARRAY(p->compilation->arena, struct expression, cycle->count + 1);
	cycle->items_text = parser_token_text(p, &from, l);
	if (!cycle->items || !cycle->items_text.data)
		return parser_out_of_memory(p);
	memcpy(cycle->items, items, cycle->count * sizeof *items);
	return parse_end(p, l);
}

int parse_cycle(struct parser *p, const struct tag *tag, struct block *into)
{
	struct node *node = parser_add(p, into, NODE_CYCLE, tag->at);
	struct cycle *cycle = ARENA_NEW(p->compilation->arena, struct cycle);
	struct lexer lexer, ahead;
	struct expression first;
	if (!node || !cycle)
		return parser_out_of_memory(p);
	into->blank = false;
	node->cycle = cycle;
	lexer_init(&lexer, tag->markup);
	ahead = lexer;
	if (parse_expression(p, &ahead, &first))
		return -1;
	if (!lexer_accept(&ahead, TOKEN_COLON))
		return parse_items(p, &lexer, cycle);
	if (parse_expression_new(p, &lexer, &cycle->name))
		return -1;
	return parse_items(p, &ahead, cycle);
}
