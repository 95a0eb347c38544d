/* fuzz_filters_locale.c - a template of any bytes with the filters date, number, money and t,
 * for a reader of any locale and zone: it is refused, or rendered, or fails with a sentence.
 * The first line of the input is the reader's locale, the second his zone, the third a value.
 */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/data/json_value.h"
#include "engine/data/locale_load.h"
#include "engine/data/zone_load.h"
#include "engine/io/heap.h"
#include "templates/region.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char translations[] =
	"{\"en\": {\"a\": \"x {{ v }} <y>\", \"a_html\": \"<b>{{v}}</b>\","
	" \"n\": {\"one\": \"{{ count }} one\", \"other\": \"{{ count }} other\"}},"
	" \"ar\": {\"n\": {\"zero\": \"0\", \"few\": \"{{ count }}\", \"other\": \"\"}}}";

static void render(struct arena *arena, const struct region *region, str text,
		   const struct value *roots, enum liquid_escape escape)
{
	const struct liquid_limits limits = {.steps = 10000, .output_size = 1 << 20};
	const struct liquid_options options = {
		.file = STR("fuzz"), .escape = escape, .region = region};
	struct liquid_error error = {};
	struct buf out;
	const struct liquid *liquid = liquid_compile(arena, text, &options, &error);
	if (!liquid) {
		ASSERT(error.message[0]);
		return;
	}
	buf_init_arena(&out, arena, 4096);
	if (liquid_render(liquid, roots, &limits, 0, arena, &out, &error) != 0)
		ASSERT(error.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its own, so that a byte too far is seen. */
	char *copy = malloc(size ? size : 1);
	struct arena arena;
	struct value locales;
	struct liquid_error error;
	memcpy(copy, data, size);
	arena_init(&arena, heap_source(), 16384, 64 << 20);
	str rest = str_make(copy, size);
	struct value_pair pairs[] = {
		{STR("locale"), value_string(str_cut(&rest, '\n'))},
		{STR("time_zone"), value_string(str_cut(&rest, '\n'))},
		{STR("v"), value_string(str_cut(&rest, '\n'))},
	};
	struct value roots = value_hash(pairs, 3);
	struct region region = {
		.zones = zones_system,
		.locales = locales_icu,
		.locale = STR("en"),
		.zone_variable = STR("time_zone"),
		.locale_variable = STR("locale"),
	};
	int result = value_from_json_text(&arena, str_of(translations), &locales, NULL, 0);
	ASSERT(result == 0);
	region.texts = texts_compile(&arena, &locales, region.locale, &error);
	ASSERT(region.texts);
	render(&arena, &region, rest, &roots, LIQUID_ESCAPE_NONE);
	render(&arena, &region, rest, &roots, LIQUID_ESCAPE_HTML);
	arena_done(&arena);
	free(copy);
	return 0;
}
