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

/* A text that may be rewritten, and where it stands. */
struct parts {
	struct links_part *items;
	str **places;
	size_t count;
};

static void add(struct parts *parts, str name, str *place, enum links_form form)
{
	if (!place->data)
		return;
	parts->places[parts->count] = place;
	parts->items[parts->count++] = (struct links_part){name, *place, form};
}

/* A copy that may be changed: of an array's hashes, or of one hash. NULL: out of memory. */
static struct value_pair *copy_pairs(struct arena *arena, struct value *hash)
{
	size_t count = hash->hash.count;
	struct value_pair *pairs = ARENA_ARRAY(arena, struct value_pair, count + 1);
	for (size_t i = 0; pairs && i < count; i++)
		pairs[i] = hash->hash.pairs[i];
	if (pairs)
		*hash = value_hash(pairs, count);
	return pairs;
}

static struct value *copy_items(struct arena *arena, struct value *array)
{
	size_t count = array->array.count;
	struct value *items = ARENA_ARRAY(arena, struct value, count + 1);
	for (size_t i = 0; items && i < count; i++)
		items[i] = array->array.items[i];
	if (items)
		*array = value_array(items, count);
	return items;
}

static struct value *find(struct value_pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(pairs[i].name, str_of(name)))
			return &pairs[i].value;
	return NULL;
}

static void add_value(struct parts *parts, str name, struct value *value, enum links_form form)
{
	if (value && value->kind == VALUE_STRING)
		add(parts, name, &value->string, form);
}

static int add_partials(struct arena *arena, struct value *partials, struct parts *parts)
{
	if (!partials || partials->kind != VALUE_HASH)
		return 0;
	struct value_pair *pairs = copy_pairs(arena, partials);
	for (size_t i = 0; pairs && i < partials->hash.count; i++)
		add_value(parts, pairs[i].name, &pairs[i].value, LINKS_PARTIAL);
	return pairs ? 0 : -1;
}

static int add_variants(struct arena *arena, struct value *variants, struct parts *parts)
{
	if (!variants || variants->kind != VALUE_ARRAY)
		return 0;
	struct value *items = copy_items(arena, variants);
	for (size_t i = 0; items && i < variants->array.count; i++) {
		if (items[i].kind != VALUE_HASH)
			continue;
		struct value_pair *pairs = copy_pairs(arena, &items[i]);
		size_t count = items[i].hash.count;
		if (!pairs)
			return -1;
		add_value(parts, STR("body.html"), find(pairs, count, "html"), LINKS_HTML);
		add_value(parts, STR("body.txt"), find(pairs, count, "text"), LINKS_TEXT);
	}
	return items ? 0 : -1;
}

static size_t count_of(const struct value *v)
{
	return v && v->kind == VALUE_HASH    ? v->hash.count
	       : v && v->kind == VALUE_ARRAY ? 2 * v->array.count
					     : 0;
}

/* Lists the texts, in copies of what holds them. */
static int list_parts(struct arena *arena, struct value *settings,
		      struct message_source *source, struct parts *parts)
{
	struct value_pair *pairs = copy_pairs(arena, settings);
	if (!pairs)
		return -1;
	struct value *partials = find(pairs, settings->hash.count, "partials");
	struct value *variants = find(pairs, settings->hash.count, "variants");
	size_t most = 2 + count_of(partials) + count_of(variants);
	parts->items = ARENA_ARRAY(arena, struct links_part, most);
	parts->places = ARENA_ARRAY(arena, str *, most);
	if (!parts->items || !parts->places)
		return -1;
	add(parts, STR("body.html"), &source->html, LINKS_HTML);
	if (add_partials(arena, partials, parts) != 0 ||
	    add_variants(arena, variants, parts) != 0)
		return -1;
	add(parts, STR("body.txt"), &source->text, LINKS_TEXT);
	source->load_context = partials;
	return 0;
}

enum content_links content_links_rewrite(struct arena *arena, struct value *settings,
					 const struct content_site *site,
					 struct message_source *source, struct links *ret_links)
{
	struct links_options options = read_options(arena, settings, site, source);
	struct parts parts = {};
	bool changed = false;
	if (site->links_as_they_are)
		return CONTENT_LINKS_AS_THEY_WERE;
	if (options.tracking != LINKS_OFF && options.base_url.size == 0)
		return CONTENT_LINKS_NO_BASE;
	if (list_parts(arena, settings, source, &parts) != 0 ||
	    links_rewrite(arena, &options, parts.items, parts.count, ret_links) != 0)
		return CONTENT_LINKS_NO_MEMORY;
	for (size_t i = 0; i < parts.count; i++) {
		changed |= parts.places[i]->data != parts.items[i].source.data;
		*parts.places[i] = parts.items[i].source;
	}
	return changed ? CONTENT_LINKS_REWRITTEN : CONTENT_LINKS_AS_THEY_WERE;
}
