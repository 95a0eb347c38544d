/* liquid_tags_text.c - the tags whose inside is text of their own: comment, raw, doc, liquid.
 */
#include "templates/liquid_parser.h"

/* Comments nest, and a raw inside one hides what it holds; nothing else in it is read. */
int parse_comment(struct parser *p, const struct tag *tag, struct block *)
{
	for (int depth = 1; depth > 0;) {
		struct piece piece = scanner_next(&p->scanner);
		str name = {}, markup, ignored;
		if (piece.kind == PIECE_END)
			return parser_fail(p, tag->at, "'comment' is never closed");
		if (piece.kind != PIECE_TAG)
			continue;
		piece_split_tag(piece.inner, &name, &markup);
		if (str_eq(name, STR("comment")))
			depth++;
		else if (str_eq(name, STR("endcomment")))
			depth--;
		else if (str_eq(name, STR("raw")) &&
			 !scanner_take_verbatim(&p->scanner, "endraw", NULL, &ignored))
			return parser_fail(p, piece.at, "'raw' is never closed");
	}
	return 0;
}

/* Each line of a comment that spans lines begins with its own #. */
int parse_inline_comment(struct parser *p, const struct tag *tag, struct block *)
{
	str rest = tag->markup;
	str_cut(&rest, '\n');
	while (rest.data) {
		str line = str_trim(str_cut(&rest, '\n'));
		if (line.size && line.data[0] != '#')
			return parser_fail(p, line.data,
					   "each line of a '#' comment begins with '#'");
	}
	return 0;
}

int parse_doc(struct parser *p, const struct tag *tag, struct block *)
{
	str ignored;
	if (str_trim(tag->markup).size)
		return parser_fail(p, tag->at, "'doc' takes no arguments");
	if (!scanner_take_verbatim(&p->scanner, "enddoc", "doc", &ignored))
		return parser_fail(p, tag->at,
				   "'doc' is never closed, or another stands in it");
	return 0;
}

int parse_raw(struct parser *p, const struct tag *tag, struct block *into)
{
	str text;
	if (str_trim(tag->markup).size)
		return parser_fail(p, tag->at, "'raw' takes no arguments");
	if (!scanner_take_verbatim(&p->scanner, "endraw", NULL, &text))
		return parser_fail(p, tag->at, "'raw' is never closed");
	if (text.size == 0)
		return 0;
	into->blank = false;
	struct node *node = parser_add(p, into, NODE_LITERAL, text.data);
	if (!node)
		return -1;
	node->literal.text = text;
	return 0;
}

/* Its lines are tags of the block it stands in, but what they open they close. */
int parse_liquid(struct parser *p, const struct tag *tag, struct block *into)
{
	struct scanner outside = p->scanner;
	scanner_init_lines(&p->scanner, tag->markup);
	int result = parse_block(p, into, NULL, NULL, NULL);
	p->scanner = outside;
	return result;
}
