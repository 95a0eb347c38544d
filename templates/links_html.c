/* links_html.c - the tags of an HTML template: a small part of what a browser's tokenizer does
 * (HTML Living Standard 13.2.5), on bytes of which some are Liquid.
 *
 *   data     to "<": a tag, an end tag, "<!--" a comment, "<!" and "<?" up to ">"
 *   tag      name *(attribute) ">";  attribute = name [ "=" value ], value = "..." / '...' /
 * word rawtext  behind <style>, <script>, <title>, ...: up to "</" and the same name
 *
 * Liquid is a letter like any other wherever it stands: quotes and ">" inside of it end
 * nothing. What stands in a conditional comment (<!--[if mso]> ... <![endif]-->) is data:
 * Outlook shows it.
 */
#include "templates/links_scan.h"

struct html {
	str source;
	const uint8_t *map;
	struct links_scan *scan;
	struct links_anchor *open; /* the <a> that has not ended */
	struct buf text;           /* what stands in it */
	struct arena *arena;
	bool failed;
};

struct attribute {
	struct links_span name, value, whole; /* whole: with the space before it */
	char quote;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A byte of the output, or 0 where Liquid is or the end. */
static char at(const struct html *h, size_t i)
{
	return i < h->source.size && links_is_text(h->map, i) ? h->source.data[i] : '\0';
}

static str part(const struct html *h, struct links_span span)
{
	return str_sub(h->source, span.at, span.size);
}

static bool stands(const struct html *h, size_t i, str word)
{
	if (!str_starts_nocase(str_from(h->source, i), word))
		return false;
	for (size_t j = 0; j < word.size; j++)
		if (!links_is_text(h->map, i + j))
			return false;
	return true;
}

/* Behind the next word; the end without one. */
static size_t behind(const struct html *h, size_t i, str word)
{
	for (; i < h->source.size; i++)
		if (h->source.data[i] == word.data[0] && stands(h, i, word))
			return i + word.size;
	return h->source.size;
}

static size_t skip_space(const struct html *h, size_t i)
{
	while (is_space(at(h, i)))
		i++;
	return i;
}

/* Up to a byte that ends a name. */
static size_t skip_name(const struct html *h, size_t i)
{
	for (; i < h->source.size; i++) {
		char c = at(h, i);
		if (is_space(c) || c == '/' || c == '>' || c == '=')
			break;
	}
	return i;
}

static size_t read_value(const struct html *h, size_t i, struct attribute *a)
{
	char quote = at(h, i);
	a->quote = quote == '"' || quote == '\'' ? quote : '\0';
	size_t from = i += a->quote != '\0';
	for (; i < h->source.size; i++) {
		char c = at(h, i);
		if (a->quote ? c == a->quote : is_space(c) || c == '>')
			break;
	}
	a->value = (struct links_span){from, i - from};
	return a->quote && i < h->source.size ? i + 1 : i;
}

/* False: the tag ends here, *i at its ">" or at the end of all. */
static bool read_attribute(const struct html *h, size_t *i, struct attribute *ret)
{
	struct attribute a = {.whole.at = *i};
	size_t from = *i;
	while (is_space(at(h, from)) || at(h, from) == '/')
		from++;
	*i = from;
	if (from >= h->source.size || at(h, from) == '>')
		return false;
	size_t to = skip_name(h, at(h, from) == '=' ? from + 1 : from);
	a.name = (struct links_span){from, to - from};
	size_t sign = skip_space(h, to);
	if (at(h, sign) == '=')
		to = read_value(h, skip_space(h, sign + 1), &a);
	a.whole.size = to - a.whole.at;
	*i = to;
	*ret = a;
	return true;
}

static bool is_named(const struct html *h, const struct attribute *a, const char *name)
{
	return str_eq_nocase(part(h, a->name), str_of(name));
}

static bool holds_code(const struct html *h, struct links_span span)
{
	for (size_t i = span.at; i < span.at + span.size; i++)
		if (!links_is_text(h->map, i))
			return true;
	return false;
}

static void note_attribute(const struct html *h, const struct attribute *a,
			   struct links_anchor *anchor, bool *has_href)
{
	bool track = is_named(h, a, "track") || is_named(h, a, "data-track");
	if (is_named(h, a, "href") && !*has_href) { /* the first counts, also without a value */
		*has_href = true;
		anchor->href = a->value;
		anchor->quote = a->quote;
	}
	/* Whatever it says it is ours, and no reader's; Liquid in it is not ours to take out.
	 */
	if (!track || holds_code(h, a->whole) ||
	    anchor->drop_count == sizeof(anchor->drops) / sizeof(*anchor->drops))
		return;
	anchor->drops[anchor->drop_count++] = a->whole;
	if (str_eq_nocase(str_trim(part(h, a->value)), STR("false")))
		anchor->no_track = true;
}

static void put_text(struct html *h, char c)
{
	struct buf *text = &h->text;
	bool spaced = text->size == 0 || is_space(text->data[text->size - 1]);
	if (!h->open || text->size >= LINK_TEXT_LIMIT * 2 || (is_space(c) && spaced))
		return;
	buf_put_byte(text, is_space(c) ? ' ' : c);
}

/* At most LINK_TEXT_LIMIT bytes, no character cut in two. */
static str shorten(str text)
{
	text = str_trim(text);
	if (text.size <= LINK_TEXT_LIMIT)
		return text;
	size_t size = LINK_TEXT_LIMIT;
	while (size > 0 && ((unsigned char)text.data[size] & 0xC0) == 0x80)
		size--;
	return str_sub(text, 0, size);
}

static void end_link(struct html *h)
{
	struct buf decoded;
	if (!h->open)
		return;
	str text = buf_str(&h->text);
	uint8_t *map = (uint8_t *)arena_alloc(h->arena, text.size + 1);
	buf_init_arena(&decoded, h->arena, text.size + 1);
	if (map)
		links_put_decoded(&decoded, text, map, (struct links_span){0, text.size});
	h->failed |= !map || !buf_ok(&decoded);
	h->open->text = shorten(buf_str(&decoded));
	h->open = NULL;
}

static void begin_link(struct html *h, const struct links_anchor *anchor, bool is_area)
{
	end_link(h);
	if (h->scan->count == LINK_LIMIT_COUNT)
		return;
	h->open = &h->scan->anchors[h->scan->count++];
	*h->open = *anchor;
	buf_init_arena(&h->text, h->arena, 64);
	if (is_area)
		end_link(h);
}

/* A picture in a link is known by its alt text. */
static void put_alt(struct html *h, const struct attribute *a)
{
	for (size_t i = 0; i < a->value.size; i++)
		put_text(h, h->source.data[a->value.at + i]);
}

static size_t read_tag(struct html *h, size_t i, str name)
{
	struct links_anchor anchor = {};
	struct attribute a;
	bool has_href = false, is_area = str_eq_nocase(name, STR("area"));
	bool is_link = is_area || str_eq_nocase(name, STR("a"));
	bool is_picture = str_eq_nocase(name, STR("img"));
	while (read_attribute(h, &i, &a)) {
		if (is_link)
			note_attribute(h, &a, &anchor, &has_href);
		else if (is_picture && is_named(h, &a, "alt"))
			put_alt(h, &a);
	}
	if (i >= h->source.size) /* a tag that does not end is none */
		return i;
	if (is_link && !is_area)
		end_link(h);
	if (anchor.href.size > 0)
		begin_link(h, &anchor, is_area);
	return i + 1;
}

/* Elements whose text is not looked into. */
static bool is_rawtext(str name)
{
	static const char *const names[] = {"style", "script", "title",   "textarea",
					    "xmp",   "iframe", "noembed", "noframes"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq_nocase(name, str_of(names[i])))
			return true;
	return false;
}

static size_t skip_rawtext(const struct html *h, size_t i, str name)
{
	for (; i < h->source.size; i++) {
		if (at(h, i) != '<' || at(h, i + 1) != '/' || !stands(h, i + 2, name))
			continue;
		char c = at(h, i + 2 + name.size);
		if (is_space(c) || c == '/' || c == '>')
			return i;
	}
	return i;
}

static size_t read_start(struct html *h, size_t i)
{
	size_t from = i + 1, to = skip_name(h, from);
	str name = str_sub(h->source, from, to - from);
	size_t next = read_tag(h, to, name);
	return is_rawtext(name) ? skip_rawtext(h, next, name) : next;
}

static size_t read_end(struct html *h, size_t i)
{
	struct attribute ignored;
	size_t from = i + 2, to = skip_name(h, from);
	str name = str_sub(h->source, from, to - from);
	bool is_body = str_eq_nocase(name, STR("body"));
	if (str_eq_nocase(name, STR("a")))
		end_link(h);
	if (is_body || (str_eq_nocase(name, STR("html")) && h->scan->body_end == SIZE_MAX))
		h->scan->body_end = i;
	while (read_attribute(h, &to, &ignored))
		;
	return to < h->source.size ? to + 1 : to;
}

/* "<!-->" and "<!--->" are whole comments. A conditional one is entered. */
static size_t read_comment(const struct html *h, size_t i)
{
	size_t inside = i + 4;
	if (stands(h, skip_space(h, inside), STR("[if")))
		return behind(h, inside, STR(">"));
	if (at(h, inside) == '>')
		return inside + 1;
	if (stands(h, inside, STR("->")))
		return inside + 2;
	return behind(h, inside, STR("-->"));
}

static size_t read_markup(struct html *h, size_t i)
{
	char c = at(h, i + 1);
	if (is_letter(c))
		return read_start(h, i);
	if (c == '/' && is_letter(at(h, i + 2)))
		return read_end(h, i);
	if (stands(h, i, STR("<!--")))
		return read_comment(h, i);
	if (c == '!' || c == '?' || c == '/')
		return behind(h, i, STR(">"));
	put_text(h, '<');
	return i + 1;
}

/* As many as there may be at the most: tags that begin like <a> and <area>. */
static size_t most_links(const struct html *h)
{
	size_t count = 0;
	for (size_t i = 0; i + 1 < h->source.size; i++)
		count += h->source.data[i] == '<' && (h->source.data[i + 1] | 0x20) == 'a';
	return count < LINK_LIMIT_COUNT ? count : LINK_LIMIT_COUNT;
}

int links_scan_html(struct arena *arena, str source, const uint8_t *map,
		    struct links_scan *ret_scan)
{
	struct html h = {.source = source, .map = map, .scan = ret_scan, .arena = arena};
	*ret_scan = (struct links_scan){.body_end = SIZE_MAX};
	ret_scan->anchors = ARENA_ARRAY(arena, struct links_anchor, most_links(&h) + 1);
	if (!ret_scan->anchors)
		return -1;
	for (size_t i = 0; i < source.size;) {
		if (at(&h, i) == '<') {
			i = read_markup(&h, i);
			continue;
		}
		if (map[i] != BYTE_GONE)
			put_text(&h, source.data[i]);
		i++;
	}
	end_link(&h);
	return h.failed ? -1 : 0;
}
