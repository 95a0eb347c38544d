/* links.c - see links.h. Each link is looked at by itself (links_target.c says what it is), and
 * what is to be changed is copied around it.
 *
 *   static address                 href="BASE/c/{{ click_token }}/7"
 *   the same without tracking      href="https://shop.test/?a=1&amp;utm_source=news"
 *   {{ url }}, of any scheme       href="{% capture link_url %}{{ url }}{% endcapture %}
 *                                        {{ link_url | link_track: "BASE", click_token, "7" }}"
 *
 * Inside {% raw %} what is written is closed off by {% endraw %} and {% raw %}. */
#include "templates/links_target.h"

#define PIXEL "\" width=\"1\" height=\"1\" alt=\"\">"

struct writer {
	struct rewriting *r;
	const struct links_part *part;
	const uint8_t *map;
	struct buf out;
	size_t at; /* what stands before it has been written */
	bool is_html;
};

static void copy_to(struct writer *w, size_t to)
{
	buf_put(&w->out, str_sub(w->part->source, w->at, to - w->at));
	w->at = to;
}

/* Liquid, where text stands. */
static void put_code(struct writer *w, bool raw, str code)
{
	buf_put_cstr(&w->out, raw ? "{% endraw %}" : "");
	buf_put(&w->out, code);
	buf_put_cstr(&w->out, raw ? "{% raw %}" : "");
}

static void put_page(struct writer *w, char page, bool raw)
{
	const struct links_options *options = w->r->options;
	buf_put(&w->out, options->base_url);
	buf_put_byte(&w->out, '/');
	buf_put_byte(&w->out, page);
	buf_put_byte(&w->out, '/');
	if (options->tracking == LINKS_ANONYMOUS)
		buf_put(&w->out, options->campaign_token);
	else
		put_code(w, raw, STR("{{ click_token }}"));
}

/* An address whose scheme is known only when rendered. */
static void put_dynamic(struct writer *w, const struct target *t, str value)
{
	const struct links_options *options = w->r->options;
	buf_put_cstr(&w->out, "{% capture link_url %}");
	buf_put(&w->out, value);
	buf_put_cstr(&w->out, "{% endcapture %}{{ link_url | link_");
	if (t->index > 0)
		buf_printf(&w->out, "track: \"%.*s\", click_token, \"%u\" }}",
			   STR_FORMAT(options->base_url), t->index);
	else
		buf_printf(&w->out, "utm: \"%.*s\", \"%.*s\" }}", STR_FORMAT(options->utm),
			   STR_FORMAT(options->base_url));
}

static void put_address(struct writer *w, const struct links_anchor *anchor,
			const struct target *t)
{
	str value = str_sub(w->part->source, anchor->href.at, anchor->href.size);
	if (t->dynamic || (t->index == 0 && t->late_query)) {
		put_dynamic(w, t, value);
	} else if (t->index > 0) {
		put_page(w, 'c', w->map[anchor->href.at] == BYTE_RAW);
		buf_printf(&w->out, "/%u", t->index);
	} else {
		links_put_with_utm(&w->out, str_trim(value), w->r->options->utm, w->is_html);
	}
}

static size_t feeds_of(str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\n';
	return count;
}

/* Errors while rendering name lines: what was cut away gives back its line ends. */
static void keep_feeds(struct writer *w, str before, size_t after_from)
{
	size_t had = feeds_of(before);
	size_t has = feeds_of(str_from(buf_str(&w->out), after_from));
	for (; has < had; has++)
		buf_put_byte(&w->out, '\n');
}

static void replace_href(struct writer *w, const struct links_anchor *anchor,
			 const struct target *t)
{
	str before = str_sub(w->part->source, anchor->href.at, anchor->href.size);
	bool bare = w->is_html && anchor->quote == '\0';
	copy_to(w, anchor->href.at);
	size_t from = w->out.size;
	buf_put_cstr(&w->out, bare ? "\"" : "");
	put_address(w, anchor, t);
	buf_put_cstr(&w->out, bare ? "\"" : "");
	w->at = anchor->href.at + anchor->href.size;
	if (w->is_html && anchor->quote)
		copy_to(w, w->at + 1);
	if (w->is_html)
		keep_feeds(w, before, from);
}

static void drop(struct writer *w, struct links_span span)
{
	copy_to(w, span.at);
	size_t from = w->out.size;
	w->at = span.at + span.size;
	keep_feeds(w, str_sub(w->part->source, span.at, span.size), from);
}

/* The attributes stand in any order. */
static void rewrite_anchor(struct writer *w, const struct links_anchor *anchor,
			   const struct target *t)
{
	bool changed = t->index > 0 || t->add_utm;
	size_t i = 0;
	for (; i < anchor->drop_count && anchor->drops[i].at < anchor->href.at; i++)
		drop(w, anchor->drops[i]);
	if (changed)
		replace_href(w, anchor, t);
	for (; i < anchor->drop_count; i++)
		drop(w, anchor->drops[i]);
}

static void put_pixel(struct writer *w, size_t at)
{
	bool raw = at < w->part->source.size && w->map[at] == BYTE_RAW;
	copy_to(w, at);
	buf_put_cstr(&w->out, "<img src=\"");
	put_page(w, 'o', raw);
	buf_put_cstr(&w->out, ".gif" PIXEL);
}

/* What ends the body gets the pixel: the letter itself, or a partial around it. */
static size_t pixel_place(const struct writer *w, const struct links_scan *scan)
{
	const struct links_options *options = w->r->options;
	bool is_letter = w->part->form == LINKS_HTML;
	if (!options->opens || options->tracking == LINKS_OFF ||
	    !(is_letter || w->part == w->r->pixel_partial))
		return SIZE_MAX;
	if (scan->body_end != SIZE_MAX)
		return scan->body_end;
	return w->r->pixel_partial ? SIZE_MAX : w->part->source.size;
}

static int write_part(struct rewriting *r, struct links_part *part, const uint8_t *map,
		      const struct links_scan *scan)
{
	struct writer w = {r, part, map, {}, 0, part->form != LINKS_TEXT};
	size_t pixel_at = pixel_place(&w, scan);
	buf_init_arena(&w.out, r->arena, part->source.size + 256);
	for (size_t i = 0; i < scan->count; i++) {
		const struct links_anchor *anchor = &scan->anchors[i];
		struct target target;
		if (pixel_at < anchor->href.at) {
			put_pixel(&w, pixel_at);
			pixel_at = SIZE_MAX;
		}
		if (links_target_read(r, part, map, anchor, &target) != 0)
			return -1;
		rewrite_anchor(&w, anchor, &target);
	}
	if (pixel_at != SIZE_MAX)
		put_pixel(&w, pixel_at);
	if (w.out.size == 0) /* nothing was changed */
		return buf_ok(&w.out) ? 0 : -1;
	copy_to(&w, part->source.size);
	part->source = buf_str(&w.out);
	return buf_ok(&w.out) ? 0 : -1;
}

/* What a part is before anything is written: the local names of one count for all. */
struct read_part {
	uint8_t *map;
	struct links_scan scan;
};

static int read_part(struct rewriting *r, const struct links_part *part, struct read_part *ret)
{
	ret->map = links_map(r->arena, part->source);
	if (!ret->map || links_note_names(r, part->source) != 0)
		return -1;
	return part->form == LINKS_TEXT
		       ? links_scan_text(r->arena, part->source, ret->map, &ret->scan)
		       : links_scan_html(r->arena, part->source, ret->map, &ret->scan);
}

/* The first that ends a body, when there is a letter that does not end its own. */
static void choose_pixel_partial(struct rewriting *r, const struct links_part *parts,
				 const struct read_part *read, size_t count)
{
	const struct links_part *partial = NULL;
	bool wanted = false;
	for (size_t i = count; i-- > 0;) {
		bool ends = read[i].scan.body_end != SIZE_MAX;
		wanted |= parts[i].form == LINKS_HTML && !ends;
		if (parts[i].form == LINKS_PARTIAL && ends)
			partial = &parts[i];
	}
	r->pixel_partial = wanted ? partial : NULL;
}

int links_rewrite(struct arena *arena, const struct links_options *options,
		  struct links_part *parts, size_t part_count, struct links *ret_links)
{
	struct rewriting r = {.arena = arena, .options = options};
	struct read_part *read = ARENA_ARRAY(arena, struct read_part, part_count + 1);
	size_t most = 0;
	if (!read)
		return -1;
	for (size_t i = 0; i < part_count; i++) {
		if (read_part(&r, &parts[i], &read[i]) != 0)
			return -1;
		most += read[i].scan.count;
	}
	r.links = ARENA_ARRAY(arena, struct link, most + 1);
	if (!r.links)
		return -1;
	choose_pixel_partial(&r, parts, read, part_count);
	for (size_t i = 0; i < part_count; i++)
		if (write_part(&r, &parts[i], read[i].map, &read[i].scan) != 0)
			return -1;
	*ret_links = (struct links){r.links, r.link_count, r.index};
	return 0;
}
