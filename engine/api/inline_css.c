/* inline_css.c - see inline_css.h. Reads HTML only as far as it must know in what kind of place
 * a Liquid tag stands (HTML 13.2.5): among elements, in a comment, in the text of <style>,
 * <title> or <script>, in a start tag, in a value. */
#include "engine/api/inline_css.h"

#include <stdio.h>

#include "engine/api/filter_command.h"
#include "engine/base/buf.h"
#include "engine/base/hash.h"
#include "engine/mail/utf8.h"

#define TIMEOUT (60 * USEC_SECOND)
#define NAME_LIMIT 24 /* attributes of one tag that has Liquid among them */

enum place { IN_TEXT, IN_COMMENT, IN_RAW, IN_TAG, IN_VALUE };

struct reader {
	str html, rest;
	struct buf out;
	struct inline_tags *tags;
	enum place place;
	str raw;    /* name of the element whose text this is */
	char quote; /* around the value; 0: none, it ends at a space */
	bool after_equals;
	str names[NAME_LIMIT]; /* of the tag's attributes, and whether Liquid is among them */
	size_t name_count;
	bool liquid_among, no_style_end;
	uint32_t line;
	char *why;
	size_t why_size;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Size of the Liquid tag that rest begins with, of a comment or raw all up to its end; 0: none.
 */
static size_t liquid_size(str rest)
{
	str end = str_starts(rest, STR("{{"))   ? STR("}}")
		  : str_starts(rest, STR("{%")) ? STR("%}")
						: STR("");
	size_t at = end.size ? str_find(str_from(rest, 2), end) : STR_NONE;
	if (at == STR_NONE)
		return 0;
	static const char *const spans[] = {"raw", "comment", "doc"};
	str inner = str_sub(rest, 2, at);
	if (str_starts(inner, STR("-")))
		inner = str_from(inner, 1);
	if (str_ends(inner, STR("-")))
		inner.size--;
	for (size_t i = 0; end.data[0] == '%' && i < 3; i++) {
		if (!str_eq(str_trim(inner), str_of(spans[i])))
			continue;
		char close[16];
		snprintf(close, sizeof(close), "end%s", spans[i]);
		size_t from = at + 4, word = str_find(str_from(rest, from), str_of(close));
		size_t to = word == STR_NONE ? STR_NONE
					     : str_find(str_from(rest, from + word), STR("%}"));
		return to == STR_NONE ? at + 4 : from + word + to + 2;
	}
	return at + 4;
}

static void take(struct reader *r, size_t size)
{
	buf_put(&r->out, str_sub(r->rest, 0, size));
	for (size_t i = 0; i < size && i < r->rest.size; i++)
		r->line += r->rest.data[i] == '\n';
	r->rest = str_from(r->rest, size);
}

static void skip(struct reader *r, size_t size)
{
	for (size_t i = 0; i < size; i++)
		r->line += r->rest.data[i] == '\n';
	r->rest = str_from(r->rest, size);
}

static void put_stand_in(struct reader *r, size_t size)
{
	struct inline_tags *tags = r->tags;
	bool comment = r->place == IN_TEXT, among = r->place == IN_TAG;
	buf_printf(&r->out, "%s%s%zux%s", comment ? "<!--" : "", tags->word, tags->count,
		   comment ? "-->"
		   : among ? "=\"\""
			   : "");
	tags->items[tags->count++] = (struct inline_tag){str_sub(r->rest, 0, size), r->line};
	r->liquid_among |= among;
	skip(r, size);
}

/* <style> with Liquid in it: its size up to the end of </style>; 0: it is plain, or none. */
static size_t liquid_style_size(struct reader *r)
{
	str rest = r->rest;
	if (r->no_style_end || !str_starts_nocase(rest, STR("<style")))
		return 0;
	for (size_t i = 6; i < rest.size; i++) {
		if (rest.data[i] != '<' ||
		    !str_starts_nocase(str_from(rest, i), STR("</style")))
			continue;
		size_t end = str_find_byte(str_from(rest, i), '>');
		str whole = str_sub(rest, 0, end == STR_NONE ? 0 : i + end + 1);
		bool liquid = str_find(whole, STR("{{")) != STR_NONE ||
			      str_find(whole, STR("{%")) != STR_NONE;
		return liquid ? whole.size : 0;
	}
	r->no_style_end = true;
	return 0;
}

static str tag_name(str rest)
{
	size_t size = 1;
	while (size < rest.size && (is_letter(rest.data[size]) ||
				    (rest.data[size] >= '0' && rest.data[size] <= '9')))
		size++;
	return str_sub(rest, 1, size - 1);
}

static bool has_raw_text(str name)
{
	static const char *const names[] = {"style", "script", "title", "textarea"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq_nocase(name, str_of(names[i])))
			return true;
	return false;
}

static void step_text(struct reader *r)
{
	char next = r->rest.size > 1 ? r->rest.data[1] : ' ';
	size_t style = liquid_style_size(r);
	if (r->rest.data[0] != '<') {
		take(r, 1);
	} else if (style) {
		put_stand_in(r, style);
	} else if (str_starts(r->rest, STR("<!--"))) {
		r->place = IN_COMMENT;
		take(r, 4);
	} else {
		if (is_letter(next) || next == '/' || next == '!' || next == '?') {
			str name = is_letter(next) ? tag_name(r->rest) : (str){};
			r->raw = has_raw_text(name) ? name : (str){};
			r->place = IN_TAG;
			r->after_equals = r->liquid_among = false;
			r->name_count = 0;
			take(r, name.size);
		}
		take(r, 1);
	}
}

/* A parser keeps the first of two attributes of one name: with Liquid between them they may be
 * two branches of an if, and one would be lost without a word. */
static int end_tag(struct reader *r)
{
	for (size_t i = 0; r->liquid_among && i < r->name_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!str_eq_nocase(r->names[i], r->names[k]))
				continue;
			snprintf(r->why, r->why_size,
				 "line %u: two attributes %.*s with Liquid between them cannot "
				 "both stay; write one, with Liquid in its value",
				 r->line, (int)(r->names[i].size > 40 ? 40 : r->names[i].size),
				 r->names[i].data);
			return -1;
		}
	}
	r->place = r->raw.data ? IN_RAW : IN_TEXT;
	take(r, 1);
	return 0;
}

static void take_name(struct reader *r)
{
	size_t size = 1;
	while (size < r->rest.size && !is_space(r->rest.data[size]) &&
	       str_find_byte(STR("=>/{"), r->rest.data[size]) == STR_NONE)
		size++;
	if (r->name_count < NAME_LIMIT)
		r->names[r->name_count++] = str_sub(r->rest, 0, size);
	take(r, size);
}

static int step_tag(struct reader *r)
{
	char c = r->rest.data[0];
	if (c == '>')
		return end_tag(r);
	if (c == '=') {
		r->after_equals = true;
		take(r, 1);
	} else if (is_space(c) || c == '/') {
		take(r, 1);
	} else if (r->after_equals) {
		r->after_equals = false;
		r->place = IN_VALUE;
		r->quote = c == '"' || c == '\'' ? c : 0;
		take(r, 1);
	} else {
		take_name(r);
	}
	return 0;
}

static void step_value(struct reader *r)
{
	char c = r->rest.data[0];
	if (!r->quote && (c == '>' || is_space(c))) {
		r->place = IN_TAG;
		return;
	}
	if (r->quote && c == r->quote)
		r->place = IN_TAG;
	take(r, 1);
}

static void step_raw(struct reader *r)
{
	if (str_starts(r->rest, STR("</")) && str_starts_nocase(str_from(r->rest, 2), r->raw)) {
		r->place = IN_TEXT;
		r->raw = (str){};
		return;
	}
	take(r, 1);
}

static int step(struct reader *r)
{
	/* A value that begins with Liquid and has no quotes. */
	if (r->place == IN_TAG && r->after_equals && r->rest.data[0] == '{') {
		r->after_equals = false;
		r->place = IN_VALUE;
		r->quote = 0;
	}
	size_t liquid = r->rest.data[0] == '{' ? liquid_size(r->rest) : 0;
	if (liquid) {
		put_stand_in(r, liquid);
		return 0;
	}
	switch (r->place) {
	case IN_TEXT:
		step_text(r);
		break;
	case IN_COMMENT:
		if (str_starts(r->rest, STR("-->")))
			r->place = IN_TEXT;
		take(r, 1);
		break;
	case IN_RAW:
		step_raw(r);
		break;
	case IN_TAG:
		return step_tag(r);
	case IN_VALUE:
		step_value(r);
		break;
	}
	return 0;
}

/* A word of small letters and figures, as no parser changes it, that the HTML does not hold. */
static void choose_word(str html, struct inline_tags *tags)
{
	for (uint64_t salt = 0;; salt++) {
		snprintf(tags->word, sizeof(tags->word), "rb%08xn",
			 (unsigned)hash_bytes(salt, html));
		if (str_find(html, str_of(tags->word)) == STR_NONE)
			return;
	}
}

static size_t count_openings(str html)
{
	size_t count = 0;
	for (size_t i = 0; i < html.size; i++)
		count += html.data[i] == '{' || html.data[i] == '<';
	return count;
}

int inline_css_protect(str html, struct arena *arena, struct inline_tags *tags, str *ret_html,
		       char *why, size_t why_size)
{
	struct reader r = {.html = html,
			   .rest = html,
			   .tags = tags,
			   .line = 1,
			   .why = why,
			   .why_size = why_size};
	*tags = (struct inline_tags){
		.items = ARENA_ARRAY(arena, struct inline_tag, count_openings(html) + 1)};
	buf_init_arena(&r.out, arena, html.size + html.size / 4 + 64);
	choose_word(html, tags);
	while (tags->items && buf_ok(&r.out) && r.rest.size > 0)
		if (step(&r) != 0)
			return -1;
	if (!tags->items || !buf_ok(&r.out)) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	*ret_html = buf_str(&r.out);
	return 0;
}

/* ---- back ---- */

static int refuse(const struct inline_tags *tags, size_t index, const char *what, char *why,
		  size_t why_size)
{
	const struct inline_tag *tag = &tags->items[index];
	char memory[400];
	struct buf shown;
	buf_init_fixed(&shown, memory, sizeof(memory));
	buf_put_printable(&shown, tag->text, 60);
	snprintf(why, why_size,
		 "line %u: %.*s %s; a style that Liquid writes belongs into a <style> of its "
		 "own",
		 tag->line, (int)(buf_ok(&shown) ? shown.size : 0), memory, what);
	return -1;
}

/* number "x", behind the word. */
static bool take_number(str *rest, uint64_t *ret_number)
{
	size_t x = str_find_byte(str_sub(*rest, 0, 21), 'x');
	if (x == STR_NONE || !str_to_u64(str_sub(*rest, 0, x), ret_number))
		return false;
	*rest = str_from(*rest, x + 1);
	return true;
}

/* What stood around a stand-in goes with it. */
static void put_back(struct buf *out, const struct inline_tag *tag, str *rest)
{
	if (str_ends(buf_str(out), STR("<!--")) && str_starts(*rest, STR("-->"))) {
		out->size -= 4;
		*rest = str_from(*rest, 3);
	} else if (str_starts(*rest, STR("=\"\""))) {
		*rest = str_from(*rest, 3);
	}
	buf_put(out, tag->text);
}

int inline_css_restore(str html, struct arena *arena, const struct inline_tags *tags,
		       str *ret_html, char *why, size_t why_size)
{
	struct buf out;
	str word = str_of(tags->word);
	size_t next = 0;
	buf_init_arena(&out, arena, html.size + 64);
	for (str rest = html;;) {
		size_t at = str_find(rest, word);
		uint64_t number = 0;
		buf_put(&out, str_sub(rest, 0, at));
		if (at == STR_NONE)
			break;
		rest = str_from(rest, at + word.size);
		if (!take_number(&rest, &number) || number >= tags->count) {
			snprintf(why, why_size, "the command has changed a place of Liquid");
			return -1;
		}
		if (number < next)
			return refuse(tags, number, "was doubled or moved", why, why_size);
		if (number > next)
			return refuse(tags, next, "was lost or moved", why, why_size);
		put_back(&out, &tags->items[next++], &rest);
	}
	if (next < tags->count)
		return refuse(tags, next, "was lost", why, why_size);
	if (!buf_ok(&out)) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	*ret_html = arena_copy(arena, buf_str(&out));
	return 0;
}

/* As the database takes it. */
static bool is_text(str text)
{
	while (text.size > 0) {
		size_t size = utf8_char_size(text);
		if (size == 0 || text.data[0] == '\0')
			return false;
		text = str_from(text, size);
	}
	return true;
}

int inline_css(str command, str html, struct arena *arena, str *ret_html, char *why,
	       size_t why_size)
{
	static const struct filter_limits limits = {TIMEOUT, INLINE_CSS_LIMIT};
	char *words[COMMAND_WORD_LIMIT + 1];
	struct inline_tags tags;
	str safe, made;
	if (command_split(command, arena, words) != 0) {
		snprintf(why, why_size,
			 "the command is empty, too long, or a quote in it is never "
			 "closed");
		return -1;
	}
	if (inline_css_protect(html, arena, &tags, &safe, why, why_size) != 0 ||
	    filter_run(words, safe, &limits, arena, &made, why, why_size) != 0 ||
	    inline_css_restore(made, arena, &tags, ret_html, why, why_size) != 0)
		return -1;
	if (!is_text(*ret_html)) {
		snprintf(why, why_size, "'%s' wrote no UTF-8 text", words[0]);
		return -1;
	}
	if (str_trim(*ret_html).size == 0 && str_trim(html).size > 0) {
		snprintf(why, why_size, "'%s' wrote nothing", words[0]);
		return -1;
	}
	return 0;
}
