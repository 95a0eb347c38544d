/* liquid_tags_layout.c - layout and block, as LiquidJS has them, put together while compiling.
 *
 *   layout = string           ; outside of all tags
 *   block  = [name / string]
 *
 * Behind `layout`, the blocks of a source replace the blocks of that name in the layout; what
 * stands outside of them is written where the layout has a block without a name. A layout may
 * have a layout itself: then the innermost source's block counts. */
#include "templates/liquid_parser.h"

static struct section *find_section(const struct layout *layout, str name)
{
	struct section *found = layout->child ? find_section(layout->child, name) : NULL;
	for (struct section *s = layout->sections; s && !found; s = s->next)
		if (str_eq(s->name, name))
			found = s;
	return found;
}

static int load_layout(struct parser *p, const struct tag *tag, struct section *content)
{
	const struct liquid_options *options = p->compilation->options;
	struct lexer lexer;
	lexer_init(&lexer, tag->markup);
	str name = lexer.token.text, text, copy;
	if (lexer.token.kind != TOKEN_STRING)
		return parser_fail(p, lexer.token.at, "layout wants its name in quotes");
	lexer_advance(&lexer);
	if (parse_end(p, &lexer))
		return -1;
	if (!options->load_partial ||
	    !options->load_partial(options->load_context, name, p->compilation->arena, &text))
		return parser_fail(p, tag->at, "there is no layout named '%.*s'",
				   STR_FORMAT(str_sub(name, 0, 80)));
	copy = arena_copy(p->compilation->arena, name);
	struct source *source = ARENA_NEW(p->compilation->arena, struct source);
	if (!copy.data || !source)
		return parser_out_of_memory(p);
	*source = (struct source){copy, text};
	content->source = source;
	return 0;
}

/* The layout's text, with the blocks of p in it. What it reads, p reads. */
static int parse_content(struct parser *p, struct section *content)
{
	struct parser inner;
	if (parser_init(&inner, p->compilation, content->source))
		return -1;
	inner.child = p->layout;
	if (parser_run(&inner, &content->body))
		return -1;
	for (const struct read *read = inner.reads; read; read = read->next)
		if (parser_note_read(p, read->symbol, read->path))
			return -1;
	return 0;
}

static int check_used(struct parser *p, const struct layout *layout)
{
	for (const struct section *s = layout->sections; s && !p->child; s = s->next)
		if (!s->used)
			return parser_fail(p, s->name.data,
					   "the layout has no block named '%.*s'",
					   STR_FORMAT(str_sub(s->name, 0, 80)));
	return 0;
}

int parse_layout(struct parser *p, const struct tag *tag, struct block *into)
{
	struct layout *layout = ARENA_NEW(p->compilation->arena, struct layout);
	struct node *node = parser_add(p, into, NODE_LAYOUT, tag->at);
	if (!layout || !node)
		return parser_out_of_memory(p);
	if (p->depth > 1 || p->layout)
		return parser_fail(p, tag->at,
				   "layout stands once, and outside of all other tags");
	layout->child = p->child;
	layout->level = p->child ? p->child->level + 1 : 0;
	if (layout->level >= LAYOUT_LIMIT)
		return parser_fail(p, tag->at, "layouts are nested deeper than %d",
				   LAYOUT_LIMIT);
	node->layout = layout;
	into->blank = false;
	block_init(&layout->rest);
	p->layout = layout;
	p->depth--; /* what follows stands outside of all tags */
	int result = load_layout(p, tag, &layout->content) ||
		     parse_block(p, &layout->rest, NULL, NULL, NULL) ||
		     parse_content(p, &layout->content);
	p->depth++;
	return result || check_used(p, layout) ? -1 : 0;
}

static int parse_section_name(struct parser *p, const struct tag *tag, str *ret_name)
{
	struct lexer lexer;
	lexer_init(&lexer, tag->markup);
	*ret_name = (str){tag->markup.data, 0};
	if (lexer.token.kind == TOKEN_NAME || lexer.token.kind == TOKEN_STRING) {
		*ret_name = lexer.token.text;
		lexer_advance(&lexer);
	}
	return parse_end(p, &lexer);
}

static int store_section(struct parser *p, const struct tag *tag, str name,
			 const char *const *ends)
{
	struct section *section = ARENA_NEW(p->compilation->arena, struct section);
	struct tag end;
	if (!section)
		return parser_out_of_memory(p);
	for (const struct section *s = p->layout->sections; s; s = s->next)
		if (str_eq(s->name, name))
			return parser_fail(p, tag->at, "there are two blocks named '%.*s'",
					   STR_FORMAT(str_sub(name, 0, 80)));
	section->name = name;
	section->source = p->source;
	section->next = p->layout->sections;
	block_init(&section->body);
	p->layout->sections = section;
	return parse_block(p, &section->body, tag, ends, &end);
}

/* A block of a layout that is replaced: its own text is read, but goes nowhere. */
static int replace_section(struct parser *p, const struct tag *tag, struct block *into,
			   struct section *by, const char *const *ends)
{
	struct node *node = parser_add(p, into, by ? NODE_SECTION : NODE_REST, tag->at);
	struct block ignored;
	struct tag end;
	if (!node)
		return -1;
	if (by) {
		by->used = true;
		node->section = by;
	} else {
		node->symbol = p->child->level;
	}
	into->blank = false;
	block_init(&ignored);
	return parse_block(p, &ignored, tag, ends, &end);
}

int parse_section(struct parser *p, const struct tag *tag, struct block *into)
{
	static const char *const ends[] = {"endblock", NULL};
	struct tag end;
	str name;
	if (parse_section_name(p, tag, &name))
		return -1;
	if (p->layout && p->depth == 1 && name.size)
		return store_section(p, tag, name, ends);
	struct section *by = p->child && name.size ? find_section(p->child, name) : NULL;
	if (by || (p->child && !name.size && !p->child->rest.blank))
		return replace_section(p, tag, into, by, ends);
	return parse_block(p, into, tag, ends, &end);
}
