/* liquid_expression.c - what stands inside the braces; see liquid_parser.h.
 *
 *   pipeline   = expression *("|" name [":" argument *("," argument)])
 *   argument   = [name ":"] expression
 *   expression = literal / variable / "(" expression ".." expression ")"
 *   literal    = string / number / "true" / "false" / "nil" / "null" / "empty" / "blank"
 *   variable   = (name / "[" expression "]") *("." name / "[" expression "]")
 *   condition  = comparison *(("and" / "or") comparison)
 *   comparison = expression [("==" / "!=" / "<>" / "<" / ">" / "<=" / ">=" / "contains")
 * expression]
 */
#include "templates/liquid_parser.h"

#include "templates/filters.h"
#include "templates/value_number.h"

static int fail_unexpected(struct parser *p, const struct lexer *l, const char *wanted)
{
	if (l->token.kind == TOKEN_BAD && l->token.text.size > 0 &&
	    strchr("'\"", l->token.text.data[0]))
		return parser_fail(p, l->token.at, "this string has no closing quote");
	if (l->token.kind == TOKEN_END)
		return parser_fail(p, l->token.at, "expected %s here", wanted);
	if (l->token.kind == TOKEN_BAD && (unsigned char)l->token.text.data[0] >= 0x80)
		return parser_fail(p, l->token.at,
				   "a name is made of a-z, 0-9, '_' and '-'; for others write "
				   "[\"name\"]");
	str text = str_sub(l->token.text, 0, 40);
	return parser_fail(p, l->token.at, "expected %s, found '%.*s'", wanted,
			   STR_FORMAT(text));
}

int parse_end(struct parser *p, struct lexer *l)
{
	return l->token.kind == TOKEN_END ? 0 : fail_unexpected(p, l, "the end");
}

static int expect(struct parser *p, struct lexer *l, enum token_kind kind)
{
	return lexer_accept(l, kind) ? 0 : fail_unexpected(p, l, token_kind_text(kind));
}

int parse_name(struct parser *p, struct lexer *l, uint32_t *ret_symbol)
{
	if (l->token.kind != TOKEN_NAME)
		return fail_unexpected(p, l, "a name");
	str name = l->token.text;
	lexer_advance(l);
	return parser_intern(p, name, ret_symbol);
}

/* A name that stands alone may be a literal. */
static bool literal_of(str name, bool operand, struct value *ret_value)
{
	static const struct {
		const char *name;
		struct value plain, operand;
	} literals[] = {
		{"nil", {.kind = VALUE_NIL}, {.kind = VALUE_NIL}},
		{"null", {.kind = VALUE_NIL}, {.kind = VALUE_NIL}},
		{"true",
		 {.kind = VALUE_BOOL, .boolean = true},
		 {.kind = VALUE_BOOL, .boolean = true}},
		{"false", {.kind = VALUE_BOOL}, {.kind = VALUE_BOOL}},
		{"empty", {.kind = VALUE_STRING, .string = {"", 0}}, {.kind = VALUE_EMPTY}},
		{"blank", {.kind = VALUE_STRING, .string = {"", 0}}, {.kind = VALUE_BLANK}},
	};
	for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
		if (!str_eq(name, str_of(literals[i].name)))
			continue;
		*ret_value = operand ? literals[i].operand : literals[i].plain;
		return true;
	}
	return false;
}

static bool continues_variable(const struct lexer *l)
{
	return l->token.kind == TOKEN_DOT || l->token.kind == TOKEN_OPEN_SQUARE;
}

static int parse_bracket(struct parser *p, struct lexer *l, struct expression **ret_key)
{
	if (expect(p, l, TOKEN_OPEN_SQUARE) || parse_expression_new(p, l, ret_key))
		return -1;
	return expect(p, l, TOKEN_CLOSE_SQUARE);
}

static int parse_lookup(struct parser *p, struct lexer *l, struct lookup *lookup)
{
	if (lexer_accept(l, TOKEN_DOT)) {
		if (l->token.kind != TOKEN_NAME)
			return fail_unexpected(p, l, "a name");
		*lookup = (struct lookup){.dotted = true, .name = l->token.text};
		lexer_advance(l);
		return 0;
	}
	*lookup = (struct lookup){};
	if (parse_bracket(p, l, &lookup->key))
		return -1;
	if (lookup->key->kind == EXPRESSION_LITERAL &&
	    lookup->key->literal.kind == VALUE_STRING)
		lookup->name = lookup->key->literal.string;
	return 0;
}

static int parse_lookups(struct parser *p, struct lexer *l, struct expression *variable)
{
	size_t capacity = 0;
	while (continues_variable(l)) {
		if (variable->variable.lookup_count == capacity) {
			capacity = capacity ? capacity * 2 : 4;
			struct lookup *grown =
				ARENA_ARRAY(p->compilation->arena, struct lookup, capacity);
			if (!grown)
				return parser_out_of_memory(p);
			if (variable->variable.lookup_count)
				memcpy(grown, variable->variable.lookups,
				       variable->variable.lookup_count * sizeof *grown);
			variable->variable.lookups = grown;
		}
		if (parse_lookup(p, l,
				 &variable->variable.lookups[variable->variable.lookup_count]))
			return -1;
		variable->variable.lookup_count++;
	}
	return 0;
}

/* "subscriber.city": the root and the parts behind it that are known now. */
static int note_read(struct parser *p, const struct expression *variable)
{
	struct buf path;
	uint32_t symbol = variable->variable.symbol;
	buf_init_arena(&path, p->compilation->arena, 64);
	buf_put(&path, p->compilation->symbols->names[symbol]);
	for (size_t i = 0; i < variable->variable.lookup_count; i++) {
		const struct lookup *lookup = &variable->variable.lookups[i];
		if (!lookup->name.data)
			break;
		buf_put_byte(&path, '.');
		buf_put(&path, lookup->name);
	}
	if (!buf_ok(&path))
		return parser_out_of_memory(p);
	return parser_note_read(p, symbol, buf_str(&path));
}

static int parse_variable(struct parser *p, struct lexer *l, struct expression *ret)
{
	*ret = (struct expression){.kind = EXPRESSION_VARIABLE};
	ret->variable.symbol = SYMBOL_NONE;
	if (l->token.kind == TOKEN_NAME) {
		if (parse_name(p, l, &ret->variable.symbol))
			return -1;
	} else {
		struct expression *root;
		if (parse_bracket(p, l, &root))
			return -1;
		ret->variable.root = root;
		if (root->kind == EXPRESSION_LITERAL && root->literal.kind == VALUE_STRING &&
		    parser_intern(p, root->literal.string, &ret->variable.symbol))
			return -1;
	}
	if (parse_lookups(p, l, ret))
		return -1;
	return ret->variable.symbol == SYMBOL_NONE ? 0 : note_read(p, ret);
}

/* A range between literals is known now. */
static int fold_range(struct parser *p, const char *at, struct expression *range)
{
	const struct expression *first = range->range.first, *last = range->range.last;
	if (first->kind != EXPRESSION_LITERAL || last->kind != EXPRESSION_LITERAL)
		return 0;
	if (first->literal.kind == VALUE_BOOL || last->literal.kind == VALUE_BOOL)
		return parser_fail(p, at, "a range goes from number to number");
	struct value literal = {.kind = VALUE_RANGE};
	literal.range.first = value_to_integer_loosely(first->literal);
	literal.range.last = value_to_integer_loosely(last->literal);
	*range = (struct expression){.kind = EXPRESSION_LITERAL, .literal = literal};
	return 0;
}

static int parse_range(struct parser *p, struct lexer *l, struct expression *ret)
{
	const char *at = l->token.at;
	*ret = (struct expression){.kind = EXPRESSION_RANGE};
	if (expect(p, l, TOKEN_OPEN_ROUND) || parse_expression_new(p, l, &ret->range.first) ||
	    expect(p, l, TOKEN_DOT_DOT) || parse_expression_new(p, l, &ret->range.last) ||
	    expect(p, l, TOKEN_CLOSE_ROUND))
		return -1;
	return fold_range(p, at, ret);
}

static int parse_any(struct parser *p, struct lexer *l, bool operand, struct expression *ret)
{
	struct lexer ahead = *l;
	lexer_advance(&ahead);
	switch (l->token.kind) {
	case TOKEN_NAME:
		*ret = (struct expression){.kind = EXPRESSION_LITERAL};
		if (continues_variable(&ahead) ||
		    !literal_of(l->token.text, operand, &ret->literal))
			return parse_variable(p, l, ret);
		break;
	case TOKEN_OPEN_SQUARE:
		return parse_variable(p, l, ret);
	case TOKEN_OPEN_ROUND:
		return parse_range(p, l, ret);
	case TOKEN_STRING:
		*ret = (struct expression){EXPRESSION_LITERAL,
					   .literal = value_string(l->token.text)};
		break;
	case TOKEN_NUMBER:
		*ret = (struct expression){.kind = EXPRESSION_LITERAL};
		if (value_to_number(value_string(l->token.text), &ret->literal) != NUMBER_FINE)
			return parser_fail(p, l->token.at,
					   "this whole number is larger than 64 bits hold");
		break;
	default:
		return fail_unexpected(p, l, "a value");
	}
	*l = ahead;
	return 0;
}

static int parse_bounded(struct parser *p, struct lexer *l, bool operand,
			 struct expression *ret)
{
	if (p->expression_depth >= DEPTH_LIMIT)
		return parser_fail(p, l->token.at, "brackets are nested deeper than %d",
				   DEPTH_LIMIT);
	p->expression_depth++;
	int result = parse_any(p, l, operand, ret);
	p->expression_depth--;
	return result;
}

int parse_expression(struct parser *p, struct lexer *l, struct expression *ret)
{
	return parse_bounded(p, l, false, ret);
}

int parse_operand(struct parser *p, struct lexer *l, struct expression *ret)
{
	return parse_bounded(p, l, true, ret);
}

int parse_expression_new(struct parser *p, struct lexer *l, struct expression **ret_expression)
{
	struct expression *expression = ARENA_NEW(p->compilation->arena, struct expression);
	if (!expression)
		return parser_out_of_memory(p);
	*ret_expression = expression;
	return parse_expression(p, l, expression);
}

static int parse_argument(struct parser *p, struct lexer *l, struct argument *argument)
{
	struct lexer ahead = *l;
	lexer_advance(&ahead);
	*argument = (struct argument){};
	if (l->token.kind == TOKEN_NAME && ahead.token.kind == TOKEN_COLON) {
		argument->name = l->token.text;
		*l = ahead;
		lexer_advance(l);
	}
	return parse_expression(p, l, &argument->value);
}

static int check_arguments(struct parser *p, const char *at, const struct filter_call *call)
{
	size_t count = 0;
	bool named = false;
	for (size_t i = 0; i < call->argument_count; i++) {
		str name = call->arguments[i].name;
		named = named || name.data;
		if (!name.data)
			count++;
		else if (!call->filter->takes_named)
			return parser_fail(p, at, "filter '%s' takes no argument named '%.*s'",
					   call->filter->name,
					   STR_FORMAT(str_sub(name, 0, 40)));
	}
	unsigned least = call->filter->least, most = call->filter->most;
	/* All named ones together are one, as in the reference; filters of our own name theirs.
	 */
	size_t as_one = named && !filter_rules(call->filter);
	if (count >= least && count + as_one <= most)
		return 0;
	if (least == most)
		return parser_fail(p, at, "filter '%s' takes %u argument%s, not %zu",
				   call->filter->name, least, least == 1 ? "" : "s", count);
	return parser_fail(p, at, "filter '%s' takes %u to %u arguments, not %zu",
			   call->filter->name, least, most, count);
}

static bool is_among(str name, const char *const *names)
{
	while (*names && !str_eq(name, str_of(*names)))
		names++;
	return *names != NULL;
}

/* What the few filters with rules of their own say of a call; input NULL: not known yet. */
static int check_rules(struct parser *p, const char *at, const struct filter_call *call,
		       const struct value *input)
{
	char hint[80];
	const struct filter_rules *rules = filter_rules(call->filter);
	if (!rules)
		return 0;
	for (size_t i = 0; rules->names && i < call->argument_count; i++) {
		str name = call->arguments[i].name;
		if (!name.data || is_among(name, rules->names))
			continue;
		liquid_suggest(hint, sizeof hint, name, rules->names);
		return parser_fail(p, at, "filter '%s' takes no argument named '%.*s'%s",
				   call->filter->name, STR_FORMAT(str_sub(name, 0, 40)), hint);
	}
	return rules->check(p, at, call, input);
}

/* head: what the filter is applied to, when no other comes before. */
static int parse_call(struct parser *p, struct lexer *l, const struct expression *head,
		      struct filter_call *call)
{
	struct argument arguments[ARGUMENT_LIMIT];
	char hint[80];
	const char *at = l->token.at;
	if (l->token.kind != TOKEN_NAME)
		return fail_unexpected(p, l, "a filter's name");
	str name = l->token.text;
	*call = (struct filter_call){.filter = filter_find(name)};
	if (!call->filter) {
		filter_suggest(hint, sizeof hint, name);
		return parser_fail(p, at, "unknown filter '%.*s'%s",
				   STR_FORMAT(str_sub(name, 0, 60)), hint);
	}
	lexer_advance(l);
	if (lexer_accept(l, TOKEN_COLON)) {
		do {
			if (call->argument_count == ARGUMENT_LIMIT)
				return parser_fail(p, at, "too many arguments");
			if (parse_argument(p, l, &arguments[call->argument_count]))
				return -1;
			call->argument_count++;
		} while (lexer_accept(l, TOKEN_COMMA));
	}
	call->arguments =
		ARENA_ARRAY(p->compilation->arena, struct argument, call->argument_count + 1);
	if (!call->arguments)
		return parser_out_of_memory(p);
	if (call->argument_count)
		memcpy(call->arguments, arguments, call->argument_count * sizeof *arguments);
	if (check_arguments(p, at, call))
		return -1;
	bool known = head && head->kind == EXPRESSION_LITERAL;
	return check_rules(p, at, call, known ? &head->literal : NULL);
}

static size_t count_pipes(struct lexer l)
{
	size_t count = 0;
	for (; l.token.kind != TOKEN_END; lexer_advance(&l))
		count += l.token.kind == TOKEN_PIPE;
	return count;
}

int parse_pipeline(struct parser *p, struct lexer *l, struct pipeline *pipeline)
{
	*pipeline = (struct pipeline){};
	if (l->token.kind == TOKEN_END)
		return 0; /* nothing is nil, as in the reference */
	if (parse_expression(p, l, &pipeline->head))
		return -1;
	size_t count = count_pipes(*l);
	if (count)
		pipeline->calls = ARENA_ARRAY(p->compilation->arena, struct filter_call, count);
	if (count && !pipeline->calls)
		return parser_out_of_memory(p);
	while (pipeline->call_count < count && lexer_accept(l, TOKEN_PIPE)) {
		const struct expression *head = pipeline->call_count ? NULL : &pipeline->head;
		if (parse_call(p, l, head, &pipeline->calls[pipeline->call_count++]))
			return -1;
	}
	return parse_end(p, l);
}

static enum comparison_operator operator_of(const struct lexer *l)
{
	static const struct {
		const char *text;
		enum comparison_operator operator;
	} operators[] = {
		{"==", COMPARE_EQUAL},         {"!=", COMPARE_UNEQUAL},
		{"<>", COMPARE_UNEQUAL},       {"<", COMPARE_LESS},
		{">", COMPARE_GREATER},        {"<=", COMPARE_LESS_EQUAL},
		{">=", COMPARE_GREATER_EQUAL}, {"contains", COMPARE_CONTAINS},
	};
	if (l->token.kind != TOKEN_COMPARISON && l->token.kind != TOKEN_NAME)
		return COMPARE_NONE;
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (str_eq(l->token.text, str_of(operators[i].text)))
			return operators[i].operator;
	return COMPARE_NONE;
}

static int parse_comparison(struct parser *p, struct lexer *l, struct condition *condition)
{
	*condition = (struct condition){};
	if (parse_operand(p, l, &condition->left))
		return -1;
	condition->operator= operator_of(l);
	if (condition->operator== COMPARE_NONE)
		return 0;
	lexer_advance(l);
	return parse_operand(p, l, &condition->right);
}

int parse_condition(struct parser *p, struct lexer *l, struct condition **ret_chain)
{
	for (struct condition **link = ret_chain;;) {
		struct condition *condition =
			ARENA_NEW(p->compilation->arena, struct condition);
		if (!condition)
			return parser_out_of_memory(p);
		if (parse_comparison(p, l, condition))
			return -1;
		*link = condition;
		link = &condition->next;
		if (lexer_accept_name(l, "and"))
			condition->relation = RELATION_AND;
		else if (lexer_accept_name(l, "or"))
			condition->relation = RELATION_OR;
		else
			return parse_end(p, l);
	}
}

str parser_token_text(struct parser *p, const struct lexer *from, const struct lexer *to)
{
	struct buf text;
	buf_init_arena(&text, p->compilation->arena, 32);
	for (struct lexer at = *from; at.token.at < to->token.at; lexer_advance(&at))
		buf_put(&text, (str){at.token.at, (size_t)(at.at - at.token.at)});
	return buf_ok(&text) ? buf_str(&text) : (str){};
}
