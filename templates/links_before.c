/* links_before.c - what a template has done when it comes to a link: the tags before it, so
 * that an address with names that `assign` and `capture` made can be worked out by itself. What
 * would only be shown is left out. A link in a loop has many addresses: there is nothing to be
 * said of it. */
#include "templates/links_target.h"

#include "templates/liquid_scanner.h"

#define DEPTH_LIMIT 100

struct before {
	struct buf *out;
	str open[DEPTH_LIMIT]; /* names of the blocks that have not ended */
	size_t depth, capture_depth;
	bool failed;
};

void scanner_skip_comment(struct scanner *s)
{
	str ignored;
	for (int depth = 1; depth > 0;) {
		struct piece piece = scanner_next(s);
		str name, markup;
		if (piece.kind == PIECE_END)
			return;
		if (piece.kind != PIECE_TAG)
			continue;
		piece_split_tag(piece.inner, &name, &markup);
		if (str_eq(name, STR("comment")))
			depth++;
		else if (str_eq(name, STR("endcomment")))
			depth--;
		else if (str_eq(name, STR("raw")) &&
			 !scanner_take_verbatim(s, "endraw", NULL, &ignored))
			return;
	}
}

static bool is_block(str name)
{
	static const char *const names[] = {"if",       "unless",  "case",     "for",
					    "tablerow", "capture", "ifchanged"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(name, str_of(names[i])))
			return true;
	return false;
}

/* Tags that show something and change nothing. */
static bool only_shows(str name)
{
	return str_eq(name, STR("render")) || str_eq(name, STR("echo")) ||
	       str_eq(name, STR("cycle")) || str_eq(name, STR("#"));
}

static void open_block(struct before *b, str name)
{
	if (b->depth == DEPTH_LIMIT) {
		b->failed = true;
		return;
	}
	b->open[b->depth++] = name;
	b->capture_depth += str_eq(name, STR("capture"));
}

static void close_block(struct before *b, str name)
{
	str inner = str_from(name, 3);
	if (b->depth == 0 || !str_eq(b->open[b->depth - 1], inner)) {
		b->failed = true;
		return;
	}
	b->depth--;
	b->capture_depth -= str_eq(inner, STR("capture"));
}

static void put_tag(struct before *b, struct scanner *s, const struct piece *piece)
{
	str name, markup, ignored;
	piece_split_tag(piece->inner, &name, &markup);
	bool captured = b->capture_depth > 0;
	if (str_eq(name, STR("comment"))) {
		scanner_skip_comment(s);
		return;
	}
	if (str_eq(name, STR("doc")) || str_eq(name, STR("raw"))) {
		bool raw = str_eq(name, STR("raw"));
		b->failed |= !scanner_take_verbatim(s, raw ? "endraw" : "enddoc",
						    raw ? NULL : "doc", &ignored);
		if (!raw || !captured)
			return;
	} else if (is_block(name)) {
		open_block(b, name);
	} else if (str_starts(name, STR("end"))) {
		close_block(b, name);
	} else if (only_shows(name) && !captured) {
		return;
	}
	buf_put(b->out, str_make(piece->at, (size_t)(s->at - piece->at)));
}

/* A branch that holds the link was taken, and what it made stays. */
static bool close_rest(struct before *b)
{
	while (b->depth > 0) {
		str name = b->open[--b->depth];
		if (str_eq(name, STR("for")) || str_eq(name, STR("tablerow")) ||
		    str_eq(name, STR("capture")))
			return false;
		buf_put_cstr(b->out, "{% end");
		buf_put(b->out, name);
		buf_put_cstr(b->out, " %}");
	}
	return true;
}

bool links_put_before(struct buf *out, str source, size_t at)
{
	struct before b = {.out = out};
	struct scanner s;
	struct piece piece;
	scanner_init(&s, str_sub(source, 0, at));
	buf_put_cstr(out, "{% capture link_before %}");
	while ((piece = scanner_next(&s)).kind != PIECE_END && !b.failed) {
		if (piece.kind == PIECE_TAG)
			put_tag(&b, &s, &piece);
		else if (b.capture_depth > 0)
			buf_put(out, str_make(piece.at, (size_t)(s.at - piece.at)));
	}
	bool good = !b.failed && close_rest(&b);
	buf_put_cstr(out, "{% endcapture %}");
	return good;
}
