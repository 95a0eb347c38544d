/* html_text.c - HTML with Liquid in it to text with Liquid in it, by way of libgumbo's tree.
 *
 * An HTML parser moves text that stands where only rows may stand ({% for %} between <tr>s) out
 * of its table. So each Liquid tag is replaced before parsing: by a comment, which may stand
 * anywhere, or inside of an element's own tag by a number between two private characters. The
 * tree is walked without recursion, and its memory is the arena's. */
#include "engine/api/html_text.h"

#include <gumbo.h>

#include "engine/base/buf.h"
#include "engine/io/heap.h"

#define TAG_OPEN "\xEE\x80\x80"  /* U+E000: private use */
#define TAG_CLOSE "\xEE\x80\x81" /* U+E001 */
#define COMMENT_MARK "liquid "

struct tags {
	str *items; /* "{{ x }}", "{% if y %}", ... as written */
	size_t count;
};

/* Where the source stands: between elements, inside of an element's tag, or in a quoted value,
 * which can begin only right behind a "=". */
struct context {
	bool in_tag, after_equals;
	char quote;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void context_step(struct context *c, str rest)
{
	char byte = rest.data[0], next = rest.size > 1 ? rest.data[1] : ' ';
	bool after_equals = c->after_equals;
	c->after_equals = false;
	if (!c->in_tag)
		c->in_tag = byte == '<' && (is_letter(next) || next == '/' || next == '!');
	else if (c->quote)
		c->quote = byte == c->quote ? 0 : c->quote;
	else if (after_equals && (byte == '"' || byte == '\''))
		c->quote = byte;
	else if (byte == '>')
		c->in_tag = false;
	else
		c->after_equals = byte == '=' ||
				  (after_equals && str_trim(str_sub(rest, 0, 1)).size == 0);
}

/* Size of the Liquid tag that rest begins with; 0: none, or it never ends. */
static size_t liquid_tag_size(str rest)
{
	str end = str_starts(rest, STR("{{"))   ? STR("}}")
		  : str_starts(rest, STR("{%")) ? STR("%}")
						: STR("");
	size_t at = end.size > 0 ? str_find(str_from(rest, 2), end) : STR_NONE;
	return at == STR_NONE ? 0 : at + 4;
}

static size_t count_tags(str html)
{
	size_t count = 0;
	for (size_t i = 0; i + 1 < html.size; i++)
		count += html.data[i] == '{';
	return count;
}

static void put_stand_in(struct buf *out, size_t index, bool in_tag)
{
	buf_put_cstr(out, in_tag ? TAG_OPEN : "<!--" COMMENT_MARK);
	buf_put_u64(out, index);
	buf_put_cstr(out, in_tag ? TAG_CLOSE : "-->");
}

static bool take_out_tags(struct arena *arena, str html, struct tags *tags, struct buf *out)
{
	struct context context = {};
	*tags = (struct tags){ARENA_ARRAY(arena, str, count_tags(html) + 1), 0};
	if (!tags->items)
		return false;
	while (html.size > 0) {
		size_t size = html.data[0] == '{' ? liquid_tag_size(html) : 0;
		if (size > 0) {
			put_stand_in(out, tags->count, context.in_tag);
			tags->items[tags->count++] = str_sub(html, 0, size);
		} else {
			context_step(&context, html);
			buf_put_byte(out, html.data[0]);
			size = 1;
		}
		html = str_from(html, size);
	}
	return buf_ok(out);
}

/* Text being written: white space is owed until something follows it. */
struct writer {
	struct buf *out;
	const struct tags *tags;
	unsigned lines_owed; /* line ends wanted before the next word: 0, 1 or 2 */
	unsigned lines_put;  /* line ends that out has at its end, Liquid tags not counted */
	bool space_owed, in_raw, empty;
	str link;          /* address of the link that is open; data NULL: none */
	size_t link_start; /* where its text began in out */
};

static void want_lines(struct writer *w, unsigned count)
{
	if (w->lines_owed < count)
		w->lines_owed = count;
}

static void pay_space(struct writer *w)
{
	while (!w->empty && w->lines_put < w->lines_owed) {
		buf_put_byte(w->out, '\n');
		w->lines_put++;
	}
	if (w->space_owed && w->lines_put == 0 && !w->empty)
		buf_put_byte(w->out, ' ');
	w->space_owed = false;
	w->lines_owed = 0;
}

static void put_word(struct writer *w, str word)
{
	pay_space(w);
	buf_put(w->out, word);
	w->lines_put = 0;
	w->empty = false;
}

static bool is_tag_named(str tag, str name)
{
	tag = str_sub(tag, 2, tag.size - 4);
	if (str_starts(tag, STR("-")))
		tag = str_from(tag, 1);
	if (str_ends(tag, STR("-")))
		tag.size--;
	return str_eq(str_trim(tag), name);
}

/* {{ output }} is a word; a {% tag %} prints nothing, so line ends before it still count. */
static void put_liquid(struct writer *w, uint64_t index)
{
	if (index >= w->tags->count)
		return;
	str tag = w->tags->items[index];
	if (tag.data[1] == '{') {
		put_word(w, tag);
		return;
	}
	pay_space(w);
	buf_put(w->out, tag);
	w->in_raw = (w->in_raw || is_tag_named(tag, STR("raw"))) &&
		    !is_tag_named(tag, STR("endraw"));
}

/* Braces in the text of an HTML document were written as entities: they are to be read as text.
 */
static void put_text_word(struct writer *w, str word)
{
	pay_space(w);
	while (word.size > 0) {
		bool opens = str_starts(word, STR("{{")) || str_starts(word, STR("{%"));
		if (opens && !w->in_raw) {
			put_word(w,
				 word.data[1] == '{' ? STR("{{ '{{' }}") : STR("{{ '{%' }}"));
			word = str_from(word, 2);
		} else {
			put_word(w, str_sub(word, 0, 1));
			word = str_from(word, 1);
		}
	}
}

/* Size of the white space or of the invisible character (preheader padding) at the front. */
static size_t blank_size(str text, bool *ret_space)
{
	static const char *const spaces[] = {" ", "\n", "\r", "\t", "\f", "\xC2\xA0"};
	static const char *const invisible[] = {"\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D",
						"\xC2\xAD",     "\xCD\x8F",     "\xEF\xBB\xBF"};
	*ret_space = false;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		if (str_starts(text, str_of(spaces[i]))) {
			*ret_space = true;
			return strlen(spaces[i]);
		}
	}
	for (size_t i = 0; i < sizeof(invisible) / sizeof(*invisible); i++)
		if (str_starts(text, str_of(invisible[i])))
			return strlen(invisible[i]);
	return 0;
}

static void put_plain_text(struct writer *w, str text)
{
	while (text.size > 0) {
		size_t word = 0, blank = 0;
		bool space = false;
		while (word < text.size && blank == 0) {
			blank = blank_size(str_from(text, word), &space);
			word += blank == 0;
		}
		if (word > 0)
			put_text_word(w, str_sub(text, 0, word));
		w->space_owed |= space;
		text = str_from(text, word + blank);
	}
}

/* Takes a stand-in off the front of *text; false: there is none. */
static bool take_stand_in(str *text, uint64_t *ret_index)
{
	if (!str_starts(*text, STR(TAG_OPEN)))
		return false;
	str number = str_from(*text, strlen(TAG_OPEN));
	size_t end = str_find(number, STR(TAG_CLOSE));
	*text = str_from(number, end == STR_NONE ? 0 : end + strlen(TAG_CLOSE));
	if (end == STR_NONE || !str_to_u64(str_sub(number, 0, end), ret_index))
		*ret_index = UINT64_MAX;
	return true;
}

/* In broken HTML what stood inside of a tag for us may be text for the parser. */
static void put_text(struct writer *w, str text)
{
	uint64_t index;
	while (text.size > 0) {
		if (take_stand_in(&text, &index)) {
			put_liquid(w, index);
			continue;
		}
		size_t end = str_find(text, STR(TAG_OPEN));
		put_plain_text(w, str_sub(text, 0, end));
		text = str_from(text, end == STR_NONE ? text.size : end);
	}
}

/* An attribute's value: its Liquid tags come back where their numbers stand. */
static void put_value(struct writer *w, str value)
{
	uint64_t index;
	while (value.size > 0) {
		if (take_stand_in(&value, &index)) {
			if (index < w->tags->count)
				buf_put(w->out, w->tags->items[index]);
			continue;
		}
		size_t end = str_find(value, STR(TAG_OPEN));
		buf_put(w->out, str_sub(value, 0, end));
		value = str_from(value, end == STR_NONE ? value.size : end);
	}
}

static str attribute(const GumboNode *node, const char *name)
{
	GumboAttribute *found = gumbo_get_attribute(&node->v.element.attributes, name);
	return found ? str_trim(str_of(found->value)) : (str){};
}

static bool is_hidden(const GumboNode *node)
{
	switch (node->v.element.tag) {
	case GUMBO_TAG_HEAD:
	case GUMBO_TAG_STYLE:
	case GUMBO_TAG_SCRIPT:
	case GUMBO_TAG_TITLE:
	case GUMBO_TAG_TEMPLATE:
		return true;
	default:
		break;
	}
	str style = attribute(node, "style");
	return str_find(style, STR("display:none")) != STR_NONE ||
	       str_find(style, STR("display: none")) != STR_NONE;
}

/* Line ends around an element: 2 where an empty line belongs. */
static unsigned lines_around(GumboTag tag)
{
	switch (tag) {
	case GUMBO_TAG_P:
	case GUMBO_TAG_H1:
	case GUMBO_TAG_H2:
	case GUMBO_TAG_H3:
	case GUMBO_TAG_H4:
	case GUMBO_TAG_H5:
	case GUMBO_TAG_H6:
	case GUMBO_TAG_UL:
	case GUMBO_TAG_OL:
	case GUMBO_TAG_DL:
	case GUMBO_TAG_TABLE:
	case GUMBO_TAG_BLOCKQUOTE:
	case GUMBO_TAG_PRE:
	case GUMBO_TAG_HR:
		return 2;
	case GUMBO_TAG_DIV:
	case GUMBO_TAG_TR:
	case GUMBO_TAG_LI:
	case GUMBO_TAG_DT:
	case GUMBO_TAG_DD:
	case GUMBO_TAG_SECTION:
	case GUMBO_TAG_ARTICLE:
	case GUMBO_TAG_HEADER:
	case GUMBO_TAG_FOOTER:
	case GUMBO_TAG_CENTER:
		return 1;
	default:
		return 0;
	}
}

static void put_line_break(struct writer *w)
{
	unsigned there = w->lines_put > w->lines_owed ? w->lines_put : w->lines_owed;
	w->lines_owed = there < 2 ? there + 1 : 2;
}

static void enter(struct writer *w, const GumboNode *node)
{
	GumboTag tag = node->v.element.tag;
	want_lines(w, lines_around(tag));
	if (tag == GUMBO_TAG_BR) {
		put_line_break(w);
	} else if (tag == GUMBO_TAG_HR) {
		put_word(w, STR("----"));
	} else if (tag == GUMBO_TAG_LI) {
		put_word(w, STR("*"));
		w->space_owed = true;
	} else if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
		w->space_owed = true;
	} else if (tag == GUMBO_TAG_IMG && attribute(node, "alt").size > 0) {
		put_word(w, STR(""));
		put_value(w, attribute(node, "alt"));
	} else if (tag == GUMBO_TAG_A && !w->link.data) {
		w->link = attribute(node, "href");
		w->link_start = w->out->size;
	}
}

static bool is_worth_showing(str link, str text)
{
	if (link.size == 0 || link.data[0] == '#')
		return false;
	if (str_starts(link, STR("mailto:")) || str_starts(link, STR("tel:")))
		str_cut(&link, ':');
	return !str_eq(link, text);
}

static void leave(struct writer *w, const GumboNode *node)
{
	GumboTag tag = node->v.element.tag;
	if (tag == GUMBO_TAG_A && w->link.data) {
		str link = w->link, text = str_trim(str_from(buf_str(w->out), w->link_start));
		w->link = (str){};
		if (is_worth_showing(link, text)) {
			w->space_owed = w->space_owed || text.size > 0;
			put_word(w, STR("<"));
			put_value(w, link);
			buf_put_byte(w->out, '>');
		}
	}
	want_lines(w, lines_around(tag));
}

static void put_comment(struct writer *w, const char *text)
{
	uint64_t index;
	str mark = STR(COMMENT_MARK), comment = str_of(text);
	if (str_starts(comment, mark) && str_to_u64(str_from(comment, mark.size), &index))
		put_liquid(w, index);
}

/* What stands in a node itself; true: its children are to be walked too. */
static bool visit(struct writer *w, const GumboNode *node)
{
	switch (node->type) {
	case GUMBO_NODE_TEXT:
	case GUMBO_NODE_CDATA:
	case GUMBO_NODE_WHITESPACE:
		put_text(w, str_of(node->v.text.text));
		return false;
	case GUMBO_NODE_COMMENT:
		put_comment(w, node->v.text.text);
		return false;
	case GUMBO_NODE_ELEMENT:
		if (is_hidden(node))
			return false;
		enter(w, node);
		return true;
	default:
		return node->type == GUMBO_NODE_DOCUMENT;
	}
}

static const GumboVector *children_of(const GumboNode *node)
{
	return node->type == GUMBO_NODE_DOCUMENT ? &node->v.document.children
						 : &node->v.element.children;
}

static void walk(struct writer *w, const GumboNode *root)
{
	const GumboNode *node = root;
	for (bool down = true;;) {
		if (down && visit(w, node) && children_of(node)->length > 0) {
			node = children_of(node)->data[0];
			continue;
		}
		bool is_element = node->type == GUMBO_NODE_ELEMENT;
		if (is_element && !(down && is_hidden(node)))
			leave(w, node);
		if (node == root)
			return;
		const GumboVector *row = children_of(node->parent);
		down = node->index_within_parent + 1 < row->length;
		node = down ? row->data[node->index_within_parent + 1] : node->parent;
	}
}

static void *gumbo_take(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void gumbo_leave(void *, void *)
{
}

/* The tree has an arena of its own: gumbo asks for memory without looking whether it got any,
 * and frees a tree by recursion as deep as the input says. */
static void write_text(struct writer *w, str source)
{
	struct arena tree;
	arena_init(&tree, heap_source(), 0, 0);
	GumboOptions options = kGumboDefaultOptions;
	options.allocator = gumbo_take;
	options.deallocator = gumbo_leave;
	options.userdata = &tree;
	options.max_errors = 0;
	walk(w, gumbo_parse_with_options(&options, source.data, source.size)->document);
	arena_done(&tree);
}

str html_text(struct arena *arena, str html)
{
	struct buf source, out;
	struct tags tags;
	buf_init_arena(&source, arena, html.size + 64);
	buf_init_arena(&out, arena, html.size / 2 + 64);
	if (!take_out_tags(arena, html, &tags, &source))
		return (str){};
	struct writer w = {.out = &out, .tags = &tags, .empty = true};
	write_text(&w, buf_str(&source));
	buf_put_byte(&out, '\n');
	/* It goes to libpq as text, which ends at a NUL. */
	buf_put_byte(&out, '\0');
	return buf_ok(&out) ? str_make(out.data, out.size - 1) : (str){};
}
