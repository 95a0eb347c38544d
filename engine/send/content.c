/* content.c - settings (JSON) and bodies to a compiled message plan; content_variants.c makes
 * those of other variants. */
#include "engine/send/content.h"

#include <stdatomic.h>
#include <stdio.h>

#include "engine/data/json_value.h"
#include "engine/send/content_links.h"
#include "engine/data/locale_load.h"
#include "engine/data/zone_load.h"
#include "templates/region.h"

static _Atomic uint64_t compiled; /* contents, of this process */

static str text_of(const struct value *settings, const char *key)
{
	const struct value *v = value_get(settings, str_of(key));
	return v && v->kind == VALUE_STRING ? v->string : STR("");
}

static struct value hash_of(const struct value *settings, const char *key)
{
	const struct value *v = value_get(settings, str_of(key));
	return v && v->kind == VALUE_HASH ? *v : (struct value){.kind = VALUE_HASH};
}

static bool load_partial(void *context, str name, struct arena *arena, str *ret_source)
{
	(void)arena;
	const struct value *partials = context;
	const struct value *source = partials ? value_get(partials, name) : NULL;
	if (!source || source->kind != VALUE_STRING)
		return false;
	*ret_source = source->string;
	return true;
}

static int read_headers(struct arena *arena, const struct value *settings,
			struct message_source *source)
{
	const struct value *list = value_get(settings, STR("headers"));
	if (!list || list->kind != VALUE_ARRAY || list->array.count == 0)
		return 0;
	struct message_header *headers =
		ARENA_ARRAY(arena, struct message_header, list->array.count);
	if (!headers)
		return -1;
	for (size_t i = 0; i < list->array.count; i++) {
		headers[i].name = text_of(&list->array.items[i], "name");
		headers[i].value = text_of(&list->array.items[i], "value");
	}
	source->headers = headers;
	source->header_count = list->array.count;
	return 0;
}

static void read_shape(const struct value *settings, struct message_source *source)
{
	const struct value *amp = value_get(settings, STR("amp"));
	const struct value *calendar = value_get(settings, STR("calendar"));
	const struct value *limit = value_get(settings, STR("attachment_limit"));
	if (amp && amp->kind == VALUE_STRING)
		source->amp = amp->string;
	if (calendar && calendar->kind == VALUE_HASH) {
		str as = text_of(calendar, "as");
		source->calendar = (struct message_calendar){
			.source = text_of(calendar, "source"),
			.name = text_of(calendar, "name"),
			.method = text_of(calendar, "method"),
			.beside = !str_eq(as, STR("attachment")),
			.attached = str_eq(as, STR("attachment")) || str_eq(as, STR("both")),
		};
	}
	source->is_8bit = str_eq(text_of(settings, "encoding"), STR("8bit"));
	if (limit && limit->kind == VALUE_INT && limit->integer > 0)
		source->file_limit = (size_t)limit->integer;
}

static void read_strictness(const struct value *settings, struct message_source *source)
{
	const struct value *variables = value_get(settings, STR("strict_variables"));
	const struct value *filters = value_get(settings, STR("strict_filters"));
	source->strict_variables =
		variables && variables->kind == VALUE_BOOL && variables->boolean;
	source->lax_filters = filters && filters->kind == VALUE_BOOL && !filters->boolean;
}

static size_t count_of(const struct value *settings, const char *key,
		       const struct value **ret_items)
{
	const struct value *list = value_get(settings, str_of(key));
	bool is_list = list && list->kind == VALUE_ARRAY;
	*ret_items = is_list ? list->array.items : NULL;
	return is_list ? list->array.count : 0;
}

static int read_own_files(struct arena *arena, const struct value *settings,
			  struct message_source *source)
{
	const struct value *items;
	size_t count = count_of(settings, "attach_from", &items);
	struct message_own_file *files = ARENA_ARRAY(arena, struct message_own_file, count + 1);
	for (size_t i = 0; files && i < count; i++) {
		const struct value *optional = value_get(&items[i], STR("optional"));
		files[i] = (struct message_own_file){
			.field = text_of(&items[i], "field"),
			.name = text_of(&items[i], "name"),
			.type = text_of(&items[i], "type"),
			.optional =
				optional && optional->kind == VALUE_BOOL && optional->boolean,
		};
	}
	source->own_files = files;
	source->own_file_count = count;
	return files ? 0 : -1;
}

static int read_files(struct arena *arena, const struct value *settings,
		      const struct content_site *site, struct message_source *source)
{
	const struct value *items;
	size_t count = count_of(settings, "parts", &items);
	struct message_file *files = ARENA_ARRAY(arena, struct message_file, count + 1);
	for (size_t i = 0; files && i < count; i++)
		files[i] = (struct message_file){
			.name = text_of(&items[i], "name"),
			.type = text_of(&items[i], "type"),
			.cid = text_of(&items[i], "cid"),
			.bytes = site->parts[i],
		};
	source->files = files;
	source->file_count = count;
	return files ? 0 : -1;
}

/* What was stored of a campaign came as a whole, or it is not sent. */
static bool has_all_parts(const struct value *settings, const struct content_site *site)
{
	const struct value *items;
	size_t count = count_of(settings, "parts", &items);
	for (size_t i = 0; i < count && i < site->part_count; i++)
		if (!site->parts[i].data)
			return false;
	return count == site->part_count;
}

static bool is_transactional(const struct value *settings)
{
	return str_eq(text_of(settings, "kind"), STR("transactional"));
}

static str text_or(const struct value *settings, const char *key, str otherwise)
{
	str text = text_of(settings, key);
	return text.size ? text : otherwise;
}

/* Where readers live, who tell it by attributes; a window's word for the zone counts too. */
static struct region *read_region(struct arena *arena, const struct value *settings,
				  str window_zone, struct liquid_error *error)
{
	struct region *region = ARENA_NEW(arena, struct region);
	const struct value *locales = value_get(settings, STR("locales"));
	if (!region)
		return NULL;
	*region = (struct region){
		.zones = zones_system,
		.locales = locales_icu,
		.zone = text_of(settings, "zone"),
		.locale = text_or(settings, "locale", STR("en")),
		.zone_variable = text_or(settings, "recipient_zone",
					 window_zone.size ? window_zone : STR("time_zone")),
		.locale_variable = text_or(settings, "recipient_locale", STR("locale")),
	};
	if (!locales || locales->kind != VALUE_HASH || locales->hash.count == 0)
		return region;
	region->texts = texts_compile(arena, locales, region->locale, error);
	return region->texts ? region : NULL;
}

static struct message_source *read_source(struct arena *arena, const struct value *settings,
					  str html, str text, const struct content_site *site)
{
	struct message_source *source = ARENA_NEW(arena, struct message_source);
	if (!source)
		return NULL;
	*source = (struct message_source){
		.subject = text_of(settings, "subject"),
		.html = html,
		.text = text,
		.from_name = text_of(settings, "from_name"),
		.from_address = text_of(settings, "from_address"),
		.reply_to = text_of(settings, "reply_to"),
		.list_id = text_of(settings, "list_id"),
		.list_name = text_of(settings, "list_name"),
		.feedback_id = text_of(settings, "feedback_id"),
		.unsubscribe_url = site->base_url,
		.unsubscribe_mailbox = site->unsubscribe_mailbox,
		.return_domain = site->return_domain,
		.transactional = is_transactional(settings),
		.campaign = hash_of(settings, "campaign"),
		.list = hash_of(settings, "list"),
		.load_partial = load_partial,
		.load_context = (void *)(uintptr_t)value_get(settings, STR("partials")),
	};
	read_shape(settings, source);
	read_strictness(settings, source);
	return read_headers(arena, settings, source) == 0 &&
			       read_own_files(arena, settings, source) == 0 &&
			       read_files(arena, settings, site, source) == 0
		       ? source
		       : NULL;
}

/* Those of the letter come first, then what its variants read besides. */
static int list_fields(struct arena *arena, struct content *content)
{
	size_t count = content->field_count;
	str zone = content->policy.zone;
	str *fields = ARENA_ARRAY(arena, str, count + 1);
	if (!fields)
		return -1;
	content->zone_index = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		fields[i] = content->fields[i];
		if (zone.size > 0 && str_eq(fields[i], zone))
			content->zone_index = i;
	}
	if (zone.size > 0 && content->zone_index == SIZE_MAX) {
		content->zone_index = count;
		fields[count++] = zone;
	}
	content->fields = fields;
	content->field_count = count;
	return 0;
}

static int read_lists(struct arena *arena, const struct value *settings,
		      struct content *content)
{
	const struct value *lists = value_get(settings, STR("lists"));
	size_t count = lists && lists->kind == VALUE_ARRAY ? lists->array.count : 0;
	str *names = ARENA_ARRAY(arena, str, count ? count : 1);
	if (!names)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (lists->array.items[i].kind == VALUE_STRING)
			names[content->list_count++] = lists->array.items[i].string;
	content->lists = names;
	return 0;
}

static uint32_t number_of(const struct value *settings, const char *key, uint32_t least,
			  uint32_t most, uint32_t absent)
{
	const struct value *v = value_get(settings, str_of(key));
	if (!v || v->kind != VALUE_INT || v->integer < least || v->integer > most)
		return absent;
	return (uint32_t)v->integer;
}

/* What they were checked for when the campaign was stored; who writes them into the database by
 * hand gets no limit for a rate that is none. */
static void read_share(const struct value *settings, struct content *content)
{
	content->urgent = is_transactional(settings);
	content->weight =
		number_of(settings, "weight", 1, CONTENT_WEIGHT_LIMIT, CONTENT_WEIGHT_DEFAULT);
	if (!rate_parse(text_of(settings, "rate"), &content->limits.message_rate))
		content->limits.message_rate = (struct rate){};
	if (!rate_parse_bytes(text_of(settings, "byte_rate"), &content->limits.byte_rate))
		content->limits.byte_rate = (struct rate){};
}

static struct content *fail(struct liquid_error *error, const char *message)
{
	*error = (struct liquid_error){.file = STR("settings"), .line = 1, .column = 1};
	snprintf(error->message, sizeof(error->message), "%s", message);
	return NULL;
}

struct content *content_compile(struct arena *arena, str settings_text, str html, str text,
				const struct content_site *site, struct liquid_error *ret_error)
{
	struct value *settings = ARENA_NEW(arena, struct value);
	struct content *content = ARENA_NEW(arena, struct content);
	if (!settings || !content)
		return fail(ret_error, "the campaign is too large for its memory");
	if (value_from_json_text(arena, settings_text, settings, NULL, 0) != 0 ||
	    settings->kind != VALUE_HASH)
		return fail(ret_error, "the stored settings are not a JSON object");
	if (!has_all_parts(settings, site))
		return fail(ret_error, "files of the campaign are missing");
	read_share(settings, content);
	policy_read(settings, content->urgent, &content->policy);
	*ret_error = (struct liquid_error){};
	struct message_source *source = read_source(arena, settings, html, text, site);
	struct region *region = read_region(arena, settings, content->policy.zone, ret_error);
	if (!region && ret_error->message[0])
		return NULL;
	if (!source || !region)
		return fail(ret_error, "the campaign is too large for its memory");
	source->region = region;
	content->plan = message_compile(arena, source, ret_error);
	if (!content->plan ||
	    content_compile_variants(arena, settings, source, content, ret_error) != 0)
		return NULL;
	switch (content_links_rewrite(arena, settings, site, source, &content->links)) {
	case CONTENT_LINKS_REWRITTEN: /* settings, too: its variants */
		content->plan = message_compile(arena, source, ret_error);
		if (!content->plan ||
		    content_compile_variants(arena, settings, source, content, ret_error) != 0)
			return NULL;
		break;
	case CONTENT_LINKS_NO_BASE:
		return fail(ret_error, "tracking needs sending.base_url of rundbrief.conf: "
				       "clicks are answered there");
	case CONTENT_LINKS_NO_MEMORY:
		return fail(ret_error, "the campaign is too large for its memory");
	case CONTENT_LINKS_AS_THEY_WERE:
		break;
	}
	content->serial = 1 + atomic_fetch_add_explicit(&compiled, 1, memory_order_relaxed);
	content->in_doubt_retry = str_eq(text_of(settings, "in_doubt"), STR("retry"));
	content->pool = text_of(settings, "pool");
	const struct value *require_tls = value_get(settings, STR("require_tls"));
	content->require_tls =
		require_tls && require_tls->kind == VALUE_BOOL && require_tls->boolean;
	if (read_lists(arena, settings, content) != 0 || list_fields(arena, content) != 0)
		return fail(ret_error, "the campaign is too large for its memory");
	return content;
}

/* Most attributes are plain scalars, which the plan reads by itself. */
static bool needs_parser(const str *fields, size_t count)
{
	for (size_t i = 0; fields && i < count; i++) {
		struct value ignored;
		if (fields[i].data && !value_from_json_scalar(fields[i], &ignored))
			return true;
	}
	return false;
}

void content_read_fields(const struct content *content, struct arena *arena,
			 struct message_recipient *to)
{
	if (!needs_parser(to->fields, content->field_count))
		return;
	struct value *values = ARENA_ARRAY(arena, struct value, content->field_count);
	for (size_t i = 0; values && i < content->field_count; i++)
		if (to->fields[i].data && !value_from_json_scalar(to->fields[i], &values[i]) &&
		    value_from_json_text(arena, to->fields[i], &values[i], NULL, 0) != 0)
			values[i] = (struct value){.kind = VALUE_NIL};
	to->values = values;
}
