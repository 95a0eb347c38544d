/* liquid_tags.c - the tags with branches, names and text, and the table of all tags. */
#include "templates/liquid_parser.h"

/* The body of a tag ends a blank stretch, or, when blank itself, loses its white space. */
static void finish_branches(struct branch *first, struct block *into)
{
	bool blank = true;
	for (struct branch *branch = first; branch; branch = branch->next)
		blank = blank && branch->body.blank;
	if (!blank)
		into->blank = false;
	for (struct branch *branch = first; blank && branch; branch = branch->next)
		block_drop_blanks(&branch->body);
}

static struct branch *new_branch(struct parser *p, struct branch ***link)
{
	struct branch *branch = ARENA_NEW(p->compilation->arena, struct branch);
	if (!branch) {
		parser_out_of_memory(p);
		return NULL;
	}
	block_init(&branch->body);
	**link = branch;
	*link = &branch->next;
	return branch;
}

/* if and unless: `opener condition`, *( `elsif condition` / `else` ), end. */
static int parse_branches(struct parser *p, const struct tag *tag, struct block *into,
			  const char *const *ends, bool negated)
{
	struct node *node = parser_add(p, into, NODE_IF, tag->at);
	if (!node)
		return -1;
	struct branch **link = &node->branches;
	for (struct tag at = *tag; !str_eq(at.name, str_of(ends[0]));) {
		struct branch *branch = new_branch(p, &link);
		if (!branch)
			return -1;
		branch->negated = negated && link == &node->branches->next;
		if (!str_eq(at.name, STR("else"))) {
			struct lexer lexer;
			lexer_init(&lexer, at.markup);
			if (parse_condition(p, &lexer, &branch->condition))
				return -1;
		}
		if (parse_block(p, &branch->body, tag, ends, &at))
			return -1;
	}
	finish_branches(node->branches, into);
	return 0;
}

static int parse_if(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endif", "elsif", "else", NULL};
	return parse_branches(p, tag, into, ends, false);
}

static int parse_unless(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endunless", "elsif", "else", NULL};
	return parse_branches(p, tag, into, ends, true);
}

/* `when a, b or c`: a branch each, which share one body. Returns them from *first on. */
static int parse_when(struct parser *p, str markup, const struct expression *left,
		      struct branch ***link)
{
	struct lexer lexer;
	lexer_init(&lexer, markup);
	do {
		struct branch *branch = new_branch(p, link);
		if (!branch)
			return -1;
		branch->condition = ARENA_NEW(p->compilation->arena, struct condition);
		if (!branch->condition)
			return parser_out_of_memory(p);
		branch->condition->left = *left;
		branch->condition->operator= COMPARE_EQUAL;
		if (parse_operand(p, &lexer, &branch->condition->right))
			return -1;
	} while (lexer_accept(&lexer, TOKEN_COMMA) || lexer_accept_name(&lexer, "or"));
	return parse_end(p, &lexer);
}

static int parse_case(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endcase", "when", "else", NULL};
	struct expression left;
	struct lexer lexer;
	struct block ignored; /* between case and its first when */
	struct tag at;
	lexer_init(&lexer, tag->markup);
	block_init(&ignored);
	if (parse_expression(p, &lexer, &left) || parse_end(p, &lexer) ||
	    parse_block(p, &ignored, tag, ends, &at))
		return -1;
	struct node *node = parser_add(p, into, NODE_CASE, tag->at);
	if (!node)
		return -1;
	struct branch **link = &node->branches;
	while (!str_eq(at.name, STR("endcase"))) {
		struct branch **first = link;
		if (str_eq(at.name, STR("when"))) {
			if (parse_when(p, at.markup, &left, &link))
				return -1;
		} else if (!new_branch(p, &link)) {
			return -1;
		}
		if (parse_block(p, &(*first)->body, tag, ends, &at))
			return -1;
		for (struct branch *other = (*first)->next; other; other = other->next)
			other->body = (*first)->body;
	}
	finish_branches(node->branches, into);
	return 0;
}

static bool is_signature(str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || memchr("_-.[]?", c, 6)))
			return false;
	}
	return name.size > 0;
}

/* What is assigned outside of any branch is local from here on, in a branch up to its end. */
static int bind_assigned(struct parser *p, uint32_t symbol)
{
	return p->depth == 1 ? parser_bind(p, symbol) : parser_bind_in_block(p, symbol);
}

static int parse_assign(struct parser *p, const struct tag *tag, struct block *into)
{
	size_t equals = str_find_byte(tag->markup, '=');
	str name = str_trim(str_sub(tag->markup, 0, equals == STR_NONE ? 0 : equals));
	if (!is_signature(name))
		return parser_fail(p, tag->at, "assign is written: assign name = value");
	if (str_ends(name, STR("?")))
		return parser_fail(p, tag->at, "a name that is assigned does not end in '?'");
	struct pipeline *value = ARENA_NEW(p->compilation->arena, struct pipeline);
	struct node *node = parser_add(p, into, NODE_ASSIGN, tag->at);
	struct lexer lexer;
	if (!node || !value)
		return parser_out_of_memory(p);
	lexer_init(&lexer, str_from(tag->markup, equals + 1));
	node->assign.value = value;
	if (parse_pipeline(p, &lexer, value) || parser_intern(p, name, &node->assign.symbol))
		return -1;
	return bind_assigned(p, node->assign.symbol);
}

static str unquoted(str text)
{
	text = str_trim(text);
	if (text.size >= 2 && strchr("'\"", text.data[0]) &&
	    text.data[text.size - 1] == text.data[0])
		return str_sub(text, 1, text.size - 2);
	return text;
}

static int parse_capture(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endcapture", NULL};
	str name = unquoted(tag->markup);
	struct tag end;
	if (str_ends(name, STR("?")))
		name.size--; /* as the reference, which reads the name up to there */
	if (!is_signature(name))
		return parser_fail(p, tag->at, "capture is written: capture name");
	struct node *node = parser_add(p, into, NODE_CAPTURE, tag->at);
	if (!node || parser_intern(p, name, &node->capture.symbol))
		return -1;
	block_init(&node->capture.body);
	if (parse_block(p, &node->capture.body, tag, ends, &end))
		return -1;
	return bind_assigned(p, node->capture.symbol);
}

static int parse_ifchanged(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endifchanged", NULL};
	struct node *node = parser_add(p, into, NODE_IFCHANGED, tag->at);
	struct tag end;
	if (!node)
		return -1;
	block_init(&node->body);
	if (parse_block(p, &node->body, tag, ends, &end))
		return -1;
	into->blank = into->blank && node->body.blank;
	return 0;
}

static int parse_counter(struct parser *p, const struct tag *tag, struct block *into,
			 enum node_kind kind)
{
	str name = str_trim(tag->markup);
	if (!is_signature(name))
		return parser_fail(p, tag->at, "%.*s wants one name", STR_FORMAT(tag->name));
	struct node *node = parser_add(p, into, kind, tag->at);
	into->blank = false;
	return node ? parser_intern(p, name, &node->symbol) : -1;
}

static int parse_increment(struct parser *p, const struct tag *tag, struct block *into)
{
	return parse_counter(p, tag, into, NODE_INCREMENT);
}

static int parse_decrement(struct parser *p, const struct tag *tag, struct block *into)
{
	return parse_counter(p, tag, into, NODE_DECREMENT);
}

static int parse_break(struct parser *p, const struct tag *tag, struct block *into)
{
	into->blank = false;
	return parser_add(p, into, NODE_BREAK, tag->at) ? 0 : -1;
}

static int parse_continue(struct parser *p, const struct tag *tag, struct block *into)
{
	into->blank = false;
	return parser_add(p, into, NODE_CONTINUE, tag->at) ? 0 : -1;
}

static const struct {
	const char *name;
	tag_parser *parse;
} tags[] = {
	{"if", parse_if},
	{"unless", parse_unless},
	{"case", parse_case},
	{"for", parse_for},
	{"tablerow", parse_tablerow},
	{"break", parse_break},
	{"continue", parse_continue},
	{"assign", parse_assign},
	{"capture", parse_capture},
	{"increment", parse_increment},
	{"decrement", parse_decrement},
	{"cycle", parse_cycle},
	{"ifchanged", parse_ifchanged},
	{"include", parse_include},
	{"layout", parse_layout},
	{"block", parse_section},
	{"render", parse_render},
	{"comment", parse_comment},
	{"#", parse_inline_comment},
	{"doc", parse_doc},
	{"raw", parse_raw},
	{"liquid", parse_liquid},
};

enum { TAG_COUNT = sizeof tags / sizeof *tags };

tag_parser *tag_find(str name)
{
	for (size_t i = 0; i < TAG_COUNT; i++)
		if (str_eq(name, str_of(tags[i].name)))
			return tags[i].parse;
	return NULL;
}

void tag_suggest(char *out, size_t out_size, str name)
{
	const char *names[TAG_COUNT + 2] = {};
	for (size_t i = 0; i < TAG_COUNT; i++)
		names[i] = tags[i].name;
	names[TAG_COUNT] = "echo";
	liquid_suggest(out, out_size, name, names);
}
