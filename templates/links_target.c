/* links_target.c - see links_target.h. Where an address holds Liquid, that piece is compiled by
 * itself: only so is it known that tags in it are closed in it, and what it reads. */
#include "templates/links_target.h"

#include "templates/liquid.h"
#include "templates/liquid_scanner.h"

#define BEFORE_LIMIT 16384 /* of a target, which the database keeps for each link */

static int note_name(struct rewriting *r, str markup)
{
	size_t size = 0;
	while (size < markup.size && markup.data[size] != ' ' && markup.data[size] != '=' &&
	       markup.data[size] != '\t' && markup.data[size] != '\n')
		size++;
	struct links_name *name = ARENA_NEW(r->arena, struct links_name);
	if (!name)
		return -1;
	str word = str_sub(markup, 0, size);
	if (word.size >= 2 && (word.data[0] == '"' || word.data[0] == '\''))
		word = str_sub(word, 1, word.size - 2);
	*name = (struct links_name){word, r->names};
	r->names = name;
	return 0;
}

static int note_tag(struct rewriting *r, str inner)
{
	static const char *const tags[] = {"assign",   "capture",   "for",
					   "tablerow", "increment", "decrement"};
	str tag, markup;
	piece_split_tag(inner, &tag, &markup);
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (str_eq(tag, str_of(tags[i])))
			return note_name(r, markup);
	return 0;
}

static int note_lines(struct rewriting *r, str inside)
{
	struct scanner s;
	struct piece piece;
	scanner_init_lines(&s, inside);
	while ((piece = scanner_next(&s)).kind != PIECE_END)
		if (note_tag(r, piece.inner) != 0)
			return -1;
	return 0;
}

int links_note_names(struct rewriting *r, str source)
{
	struct scanner s;
	struct piece piece;
	scanner_init(&s, source);
	while ((piece = scanner_next(&s)).kind != PIECE_END) {
		str tag, markup;
		if (piece.kind != PIECE_TAG)
			continue;
		piece_split_tag(piece.inner, &tag, &markup);
		if (str_eq(tag, STR("liquid")) ? note_lines(r, markup) != 0
					       : note_tag(r, piece.inner) != 0)
			return -1;
	}
	return 0;
}

static bool is_local(const struct rewriting *r, str root)
{
	if (str_eq(root, STR("forloop")) || str_eq(root, STR("tablerowloop")))
		return true;
	for (const struct links_name *n = r->names; n; n = n->next)
		if (str_eq(n->name, root))
			return true;
	return false;
}

static bool is_own_variable(str root)
{
	return str_eq(root, STR("unsubscribe_url")) || str_eq(root, STR("preferences_url")) ||
	       str_eq(root, STR("view_url"));
}

/* `| track: false` in the code of an address. */
static bool says_no_track(str source, const uint8_t *map, struct links_span span)
{
	for (size_t i = span.at, end = span.at + span.size; i < end; i++) {
		if (map[i] != BYTE_CODE || source.data[i] != '|')
			continue;
		str rest = str_trim(str_sub(source, i + 1, end - i - 1));
		if (!str_starts(rest, STR("track")))
			continue;
		rest = str_trim(str_from(rest, 5));
		if (str_starts(rest, STR(":")) &&
		    str_starts(str_trim(str_from(rest, 1)), STR("false")))
			return true;
	}
	return false;
}

struct reading {
	bool has_code, is_web, own, local, compiles;
	bool has_before; /* the address begins with what the template did before */
};

/* -1: out of memory, which must not pass for an address that does not compile. */
static int read_variables(const struct rewriting *r, const struct links_part *part, str address,
			  struct reading *reading)
{
	const struct liquid_options options = {.file = part->name,
					       .load_partial = r->options->load_partial,
					       .load_context = r->options->load_context};
	struct liquid_error error;
	const struct liquid *liquid = liquid_compile(r->arena, address, &options, &error);
	reading->compiles = liquid;
	if (!liquid && str_find(str_of(error.message), STR("out of memory")) != STR_NONE)
		return -1;
	for (size_t i = 0; liquid && i < liquid_variable_count(liquid); i++) {
		str path = liquid_variable(liquid, i), root = str_cut(&path, '.');
		reading->own |= is_own_variable(root);
		/* In a partial any name may be what its caller gave. */
		reading->local |= part->form == LINKS_PARTIAL || is_local(r, root);
	}
	return 0;
}

/* Where Liquid stands before a "?", the query may begin in it. */
static bool has_late_query(const uint8_t *map, str source, struct links_span span)
{
	for (size_t i = span.at; i < span.at + span.size; i++) {
		if (!links_is_text(map, i))
			return true;
		if (source.data[i] == '?')
			return false;
	}
	return false;
}

/* data NULL: out of memory. */
static str decode(struct arena *arena, str source, const uint8_t *map, struct links_span span)
{
	struct buf decoded;
	buf_init_arena(&decoded, arena, span.size + 1);
	links_put_decoded(&decoded, source, map, span);
	return buf_ok(&decoded) ? str_trim(buf_str(&decoded)) : (str){};
}

/* Braces that entities made, or that stood in raw, would become Liquid in a target. */
static bool has_new_braces(str source, const uint8_t *map, struct links_span span, str address)
{
	size_t had = 0, has = 0;
	for (size_t i = span.at; i < span.at + span.size; i++)
		had += source.data[i] == '{' && !links_is_text(map, i);
	for (size_t i = 0; i < address.size; i++)
		has += address.data[i] == '{';
	return has != had;
}

static bool has_code(const uint8_t *map, struct links_span span)
{
	for (size_t i = span.at; i < span.at + span.size; i++)
		if (!links_is_text(map, i))
			return true;
	return false;
}

/* Where a click leads. */
static str full_target(struct rewriting *r, const struct target *t, const struct reading *is,
		       str address)
{
	struct buf out;
	str utm = r->options->utm;
	buf_init_arena(&out, r->arena, address.size + utm.size + 100);
	if (utm.size == 0) {
		buf_put(&out, address);
	} else if (is->has_code && (t->dynamic || t->late_query || is->has_before)) {
		buf_put_cstr(&out, "{% capture link_url %}");
		buf_put(&out, address);
		buf_printf(&out, "{%% endcapture %%}{{ link_url | link_utm: \"%.*s\" }}",
			   STR_FORMAT(utm));
	} else {
		links_put_with_utm(&out, address, utm, false);
	}
	return buf_ok(&out) ? buf_str(&out) : (str){};
}

static bool is_tracked(const struct rewriting *r, const struct links_part *part,
		       const struct links_anchor *anchor, const struct reading *is)
{
	const struct links_options *options = r->options;
	if (options->tracking == LINKS_OFF || anchor->no_track || is->local)
		return false;
	if (part->form == LINKS_TEXT && !options->text)
		return false;
	/* A click that names nobody cannot be led where only somebody is to be led. */
	return !(options->tracking == LINKS_ANONYMOUS && is->has_code) &&
	       r->index < LINK_LIMIT_COUNT;
}

static int list(struct rewriting *r, const struct links_anchor *anchor, struct target *t,
		const struct reading *is, str address)
{
	struct link *link = &r->links[r->link_count++];
	*link = (struct link){t->index, full_target(r, t, is, address), is->has_code,
			      anchor->text};
	return link->target.data ? 0 : -1;
}

/* With the tags before it an address may be one that a click can work out. */
static int read_with_before(const struct rewriting *r, const struct links_part *part, size_t at,
			    str *address, struct reading *is)
{
	struct reading with = *is;
	struct buf whole;
	buf_init_arena(&whole, r->arena, address->size + 256);
	if (!links_put_before(&whole, part->source, at))
		return 0;
	buf_put(&whole, *address);
	if (!buf_ok(&whole) || read_variables(r, part, buf_str(&whole), &with) != 0)
		return -1;
	is->own = with.own;
	if (!with.compiles || with.own || buf_str(&whole).size > BEFORE_LIMIT)
		return 0;
	*address = buf_str(&whole);
	is->local = false;
	is->has_before = true;
	return 0;
}

int links_target_read(struct rewriting *r, const struct links_part *part, const uint8_t *map,
		      const struct links_anchor *anchor, struct target *ret_target)
{
	struct reading is = {.has_code = has_code(map, anchor->href)};
	struct target t = {};
	str address = decode(r->arena, part->source, map, anchor->href);
	*ret_target = t;
	if (!address.data)
		return -1;
	t.dynamic = str_starts(address, STR("{{")) || str_starts(address, STR("{%"));
	is.is_web = links_is_web(address);
	if ((!t.dynamic && !is.is_web) || (t.dynamic && !is.has_code) ||
	    links_is_own(address, r->options->base_url))
		return 0;
	if (is.has_code) {
		if (has_new_braces(part->source, map, anchor->href, address))
			return 0;
		if (read_variables(r, part, address, &is) != 0)
			return -1;
		if (is.local && part->form != LINKS_PARTIAL &&
		    read_with_before(r, part, anchor->href.at, &address, &is) != 0)
			return -1;
		t.late_query = has_late_query(map, part->source, anchor->href);
		if (!is.compiles || is.own)
			return 0;
	}
	struct links_anchor seen = *anchor;
	seen.no_track |= says_no_track(part->source, map, anchor->href);
	if (is_tracked(r, part, &seen, &is))
		t.index = ++r->index;
	t.add_utm = t.index == 0 && r->options->utm.size > 0;
	*ret_target = t;
	return list(r, &seen, &t, &is, address);
}
