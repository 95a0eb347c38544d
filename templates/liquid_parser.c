/* liquid_parser.c - blocks, errors and names; see liquid_parser.h.
 *
 *   block = *(text / output / tag)
 *   tag   = name markup [block *(branch block) "end" name]
 *
 * Blocks nest on the C stack, at most DEPTH_LIMIT deep. */
#include "templates/liquid_parser.h"

#include <stdio.h>

#include "templates/value_text.h"

int parser_init(struct parser *p, struct compilation *compilation, const struct source *source)
{
	*p = (struct parser){.compilation = compilation, .source = source};
	p->reads_end = &p->reads;
	scanner_init(&p->scanner, source->text);
	map_init(&p->read_paths, compilation->arena, 0);
	return 0;
}

int parser_fail(struct parser *p, const char *at, const char *format, ...)
{
	struct liquid_error *error = p->compilation->error;
	if (error->message[0])
		return -1;
	va_list arguments;
	va_start(arguments, format);
	liquid_error_say(error, format, arguments);
	va_end(arguments);
	liquid_error_locate(error, p->source, (size_t)(at - p->source->text.data));
	return -1;
}

int parser_out_of_memory(struct parser *p)
{
	return parser_fail(p, p->scanner.at, "the template is too large: out of memory");
}

struct node *parser_add(struct parser *p, struct block *block, enum node_kind kind,
			const char *at)
{
	struct node *node = ARENA_NEW(p->compilation->arena, struct node);
	if (!node) {
		parser_out_of_memory(p);
		return NULL;
	}
	node->kind = kind;
	node->at = (uint32_t)(at - p->source->text.data);
	if (block->last)
		block->last->next = node;
	else
		block->first = node;
	block->last = node;
	return node;
}

void block_init(struct block *block)
{
	*block = (struct block){.blank = true};
}

static bool is_white(str text)
{
	return str_trim(text).size == 0;
}

/* A block that writes nothing but white space writes nothing at all. */
void block_drop_blanks(struct block *block)
{
	struct node **link = &block->first;
	block->last = NULL;
	for (struct node *node; (node = *link);) {
		if (node->kind == NODE_LITERAL && is_white(node->literal.text)) {
			*link = node->next;
			continue;
		}
		block->last = node;
		link = &node->next;
	}
}

static int add_text(struct parser *p, struct block *block, struct piece piece)
{
	if (piece.inner.size == 0)
		return 0;
	struct node *node = parser_add(p, block, NODE_LITERAL, piece.at);
	if (!node)
		return -1;
	node->literal.text = piece.inner;
	if (!is_white(piece.inner))
		block->blank = false;
	return 0;
}

/* A plain root variable without filters is the common slot: it gets a node of its own. */
static bool is_plain(const struct pipeline *pipeline)
{
	const struct expression *head = &pipeline->head;
	return pipeline->call_count == 0 && head->kind == EXPRESSION_VARIABLE &&
	       head->variable.symbol != SYMBOL_NONE && head->variable.lookup_count == 0;
}

static int add_output(struct parser *p, struct block *block, str markup, const char *at)
{
	struct lexer lexer;
	lexer_init(&lexer, markup);
	block->blank = false;
	if (lexer.token.kind == TOKEN_END)
		return 0;
	struct pipeline *pipeline = ARENA_NEW(p->compilation->arena, struct pipeline);
	if (!pipeline)
		return parser_out_of_memory(p);
	if (parse_pipeline(p, &lexer, pipeline))
		return -1;
	struct node *node = parser_add(p, block, NODE_OUTPUT, at);
	if (!node)
		return -1;
	node->output = pipeline;
	if (is_plain(pipeline)) {
		node->kind = NODE_VARIABLE;
		node->symbol = pipeline->head.variable.symbol;
	}
	return 0;
}

static unsigned line_of(struct parser *p, const char *at)
{
	struct liquid_error place;
	liquid_error_locate(&place, p->source, (size_t)(at - p->source->text.data));
	return place.line;
}

static int fail_unknown_tag(struct parser *p, const struct tag *tag, const struct tag *opener)
{
	char hint[80];
	char name[64];
	snprintf(name, sizeof name, "%.*s", STR_FORMAT(str_sub(tag->name, 0, 60)));
	bool closing = str_starts(tag->name, STR("end")) || str_eq(tag->name, STR("else")) ||
		       str_eq(tag->name, STR("elsif")) || str_eq(tag->name, STR("when"));
	if (closing && opener)
		return parser_fail(
			p, tag->at,
			"'%s' does not belong to '%.*s' of line %u, which is not closed", name,
			STR_FORMAT(opener->name), line_of(p, opener->at));
	if (closing)
		return parser_fail(p, tag->at,
				   "'%s' closes or continues a tag that was not opened", name);
	tag_suggest(hint, sizeof hint, tag->name);
	return parser_fail(p, tag->at, "unknown tag '%s'%s", name, hint);
}

static int add_tag(struct parser *p, struct block *block, const struct tag *tag,
		   const struct tag *opener)
{
	if (tag->name.size == 0)
		return parser_fail(p, tag->at, "a tag begins with its name");
	if (str_eq(tag->name, STR("echo")))
		return add_output(p, block, tag->markup, tag->at);
	tag_parser *parse = tag_find(tag->name);
	if (!parse)
		return fail_unknown_tag(p, tag, opener);
	if (p->compilation->depth >= DEPTH_LIMIT)
		return parser_fail(p, tag->at, "tags are nested deeper than %d", DEPTH_LIMIT);
	p->depth++;
	p->compilation->depth++;
	int result = parse(p, tag, block);
	p->compilation->depth--;
	p->depth--;
	return result;
}

static bool is_in(str name, const char *const *ends)
{
	for (; ends && *ends; ends++)
		if (str_eq(name, str_of(*ends)))
			return true;
	return false;
}

static int fail_broken(struct parser *p, struct piece piece)
{
	bool output = piece.inner.size >= 2 && piece.inner.data[1] == '{';
	return parser_fail(p, piece.at,
			   output ? "'{{' is not closed by '}}'"
				  : "'{%%' is not closed by '%%}'");
}

static int parse_pieces(struct parser *p, struct block *block, const struct tag *opener,
			const char *const *ends, struct tag *ret_end)
{
	for (;;) {
		struct piece piece = scanner_next(&p->scanner);
		struct tag tag = {.at = piece.at};
		int result = 0;
		switch (piece.kind) {
		case PIECE_END:
			return opener ? parser_fail(p, opener->at, "'%.*s' is never closed",
						    STR_FORMAT(opener->name))
				      : 0;
		case PIECE_BROKEN:
			return fail_broken(p, piece);
		case PIECE_TEXT:
			result = add_text(p, block, piece);
			break;
		case PIECE_OUTPUT:
			result = add_output(p, block, piece.inner, piece.at);
			break;
		case PIECE_TAG:
			piece_split_tag(piece.inner, &tag.name, &tag.markup);
			if (is_in(tag.name, ends)) {
				*ret_end = tag;
				return 0;
			}
			result = add_tag(p, block, &tag, opener);
			break;
		}
		if (result)
			return result;
	}
}

int parse_block(struct parser *p, struct block *block, const struct tag *opener,
		const char *const *ends, struct tag *ret_end)
{
	size_t outside = p->passing_count;
	int result = parse_pieces(p, block, opener, ends, ret_end);
	while (p->passing_count > outside)
		parser_unbind(p, p->passing[--p->passing_count]);
	return result;
}

int parser_run(struct parser *p, struct block *ret_body)
{
	str text = p->source->text;
	block_init(ret_body);
	if (parse_block(p, ret_body, NULL, NULL, NULL))
		return -1;
	size_t valid = utf8_valid_size(text);
	if (valid == text.size)
		return 0;
	return parser_fail(p, text.data + valid,
			   "this byte (0x%02x) is no UTF-8: save the file as UTF-8",
			   (unsigned char)text.data[valid]);
}

int parser_intern(struct parser *p, str name, uint32_t *ret_symbol)
{
	uint32_t symbol = symbols_intern(p->compilation->symbols, name);
	if (symbol == SYMBOL_NONE)
		return parser_out_of_memory(p);
	*ret_symbol = symbol;
	return 0;
}

int parser_bind(struct parser *p, uint32_t symbol)
{
	if (symbol >= p->bound_capacity) {
		size_t capacity = (size_t)symbol * 2 + 16;
		uint32_t *bound = ARENA_ARRAY(p->compilation->arena, uint32_t, capacity);
		if (!bound)
			return parser_out_of_memory(p);
		if (p->bound_capacity)
			memcpy(bound, p->bound, p->bound_capacity * sizeof *bound);
		p->bound = bound;
		p->bound_capacity = capacity;
	}
	p->bound[symbol]++;
	return 0;
}

void parser_unbind(struct parser *p, uint32_t symbol)
{
	p->bound[symbol]--;
}

int parser_bind_in_block(struct parser *p, uint32_t symbol)
{
	if (p->passing_count == p->passing_capacity) {
		size_t capacity = p->passing_capacity * 2 + 16;
		uint32_t *passing = ARENA_ARRAY(p->compilation->arena, uint32_t, capacity);
		if (!passing)
			return parser_out_of_memory(p);
		if (p->passing_count)
			memcpy(passing, p->passing, p->passing_count * sizeof *passing);
		p->passing = passing;
		p->passing_capacity = capacity;
	}
	if (parser_bind(p, symbol))
		return -1;
	p->passing[p->passing_count++] = symbol;
	return 0;
}

int parser_note_read(struct parser *p, uint32_t symbol, str path)
{
	bool local = symbol < p->bound_capacity && p->bound[symbol];
	return local ? 0 : parser_add_read(p, symbol, path);
}

int parser_add_read(struct parser *p, uint32_t symbol, str path)
{
	if (map_get(&p->read_paths, path))
		return 0;
	struct read *read = ARENA_NEW(p->compilation->arena, struct read);
	if (!read || map_put(&p->read_paths, path, read))
		return parser_out_of_memory(p);
	*read = (struct read){.path = path, .symbol = symbol};
	*p->reads_end = read;
	p->reads_end = &read->next;
	return 0;
}
