/* content_links.c - see content_links.h. */
#include "engine/send/content_links.h"

static str text_of(const struct value *hash, const char *key)
{
	const struct value *v = hash ? value_get(hash, str_of(key)) : NULL;
	return v && v->kind == VALUE_STRING ? v->string : STR("");
}

static bool is_true(const struct value *hash, const char *key)
{
	const struct value *v = value_get(hash, str_of(key));
	return v && v->kind == VALUE_BOOL && v->boolean;
}

static enum links_tracking tracking_of(const struct value *settings)
{
	str tracking = text_of(settings, "tracking");
	return str_eq(tracking, STR("anonymous"))    ? LINKS_ANONYMOUS
	       : str_eq(tracking, STR("individual")) ? LINKS_INDIVIDUAL
						     : LINKS_OFF;
}

static str read_utm(struct arena *arena, const struct value *settings)
{
	static const char *const names[] = {"source", "medium", "campaign", "term", "content"};
	const struct value *utm = value_get(settings, STR("utm"));
	struct buf out;
	buf_init_arena(&out, arena, 128);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		links_put_utm(&out, names[i], text_of(utm, names[i]));
	return buf_ok(&out) ? buf_str(&out) : (str){};
}

/* The same for every message of the campaign: it names no subscriber. */
static str campaign_token(struct arena *arena, const struct value *settings,
			  const struct content_site *site)
{
	static const uint8_t no_mac[TOKEN_MAC_SIZE];
	struct buf out;
	const struct token nobody = {site->tenant, site->campaign_id, 0};
	buf_init_arena(&out, arena, TOKEN_TEXT_LIMIT);
	if (tracking_of(settings) == LINKS_ANONYMOUS)
		token_encode(&out, &nobody, TOKEN_TRACK,
			     site->campaign_mac ? site->campaign_mac : no_mac);
	return buf_str(&out);
}

static struct links_options read_options(struct arena *arena, const struct value *settings,
					 const struct content_site *site,
					 const struct message_source *source)
{
	str base = site->base_url;
	while (str_ends(base, STR("/")))
		base.size--;
	return (struct links_options){
		.base_url = base,
		.tracking = tracking_of(settings),
		.opens = is_true(settings, "track_opens"),
		.text = is_true(settings, "track_text"),
		.campaign_token = campaign_token(arena, settings, site),
		.utm = read_utm(arena, settings),
		.load_partial = source->load_partial,
		.load_context = source->load_context,
	};
}

struct parts {
	struct links_part *items;
	size_t count;
};

static void add(struct parts *parts, const char *name, str source, enum links_form form)
{
	if (source.data)
		parts->items[parts->count++] = (struct links_part){str_of(name), source, form};
}

static int list_parts(struct arena *arena, const struct message_source *source,
		      const struct value *partials, struct parts *parts)
{
	size_t count = partials ? partials->hash.count : 0;
	parts->items = ARENA_ARRAY(arena, struct links_part, count + 2);
	if (!parts->items)
		return -1;
	add(parts, "body.html", source->html, LINKS_HTML);
	for (size_t i = 0; i < count; i++) {
		const struct value_pair *pair = &partials->hash.pairs[i];
		str text = pair->value.kind == VALUE_STRING ? pair->value.string : STR("");
		parts->items[parts->count++] =
			(struct links_part){pair->name, text, LINKS_PARTIAL};
	}
	add(parts, "body.txt", source->text, LINKS_TEXT);
	return 0;
}

/* Puts the parts back; whether any has changed. -1: out of memory. */
static int take_parts(struct arena *arena, const struct parts *parts,
		      const struct value *partials, struct message_source *source)
{
	size_t count = partials ? partials->hash.count : 0, at = 0;
	struct value_pair *pairs = ARENA_ARRAY(arena, struct value_pair, count + 1);
	struct value *hash = ARENA_NEW(arena, struct value);
	bool changed = false;
	if (!pairs || !hash)
		return -1;
	if (source->html.data) {
		changed |= source->html.data != parts->items[at].source.data;
		source->html = parts->items[at++].source;
	}
	for (size_t i = 0; i < count; i++, at++) {
		const struct value_pair *before = &partials->hash.pairs[i];
		pairs[i] = *before;
		if (before->value.kind != VALUE_STRING)
			continue;
		changed |= before->value.string.data != parts->items[at].source.data;
		pairs[i].value = value_string(parts->items[at].source);
	}
	if (source->text.data) {
		changed |= source->text.data != parts->items[at].source.data;
		source->text = parts->items[at].source;
	}
	*hash = value_hash(pairs, count);
	source->load_context = partials ? hash : source->load_context;
	return changed;
}

enum content_links content_links_rewrite(struct arena *arena, const struct value *settings,
					 const struct content_site *site,
					 struct message_source *source, struct links *ret_links)
{
	const struct value *partials = value_get(settings, STR("partials"));
	struct links_options options = read_options(arena, settings, site, source);
	struct parts parts = {};
	if (site->links_as_they_are)
		return CONTENT_LINKS_AS_THEY_WERE;
	partials = partials && partials->kind == VALUE_HASH ? partials : NULL;
	if (options.tracking != LINKS_OFF && options.base_url.size == 0)
		return CONTENT_LINKS_NO_BASE;
	if (list_parts(arena, source, partials, &parts) != 0 ||
	    links_rewrite(arena, &options, parts.items, parts.count, ret_links) != 0)
		return CONTENT_LINKS_NO_MEMORY;
	int changed = take_parts(arena, &parts, partials, source);
	return changed < 0 ? CONTENT_LINKS_NO_MEMORY
	       : changed   ? CONTENT_LINKS_REWRITTEN
			   : CONTENT_LINKS_AS_THEY_WERE;
}
