/* Templates and data from anybody: compile and render must answer, in bounded time and memory.
 * Input: one byte of flags, the template up to a NUL, then the data as JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/data/json_value.h"
#include "templates/liquid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *get_block(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void give_block(struct arena_source *, void *block, size_t)
{
	free(block);
}

/* The template itself is a partial too, and so is a small one. */
static bool load_partial(void *context, str name, struct arena *, str *ret_source)
{
	if (str_eq(name, STR("self")))
		*ret_source = *(const str *)context;
	else if (str_eq(name, STR("p")))
		*ret_source = STR("{{ p }}{{ forloop.index }}{% assign q = p %}");
	else
		return false;
	return true;
}

static bool prepare_literal(void *, str text, struct arena *arena, str *ret_prepared)
{
	*ret_prepared = arena_copy(arena, text);
	return ret_prepared->data != NULL;
}

static void put_text(void *, struct liquid_place *, str text, struct buf *out)
{
	buf_put(out, text);
}

static void run(str source, str json, uint8_t flags, struct arena *arena)
{
	static const struct liquid_encoding encoding = {prepare_literal, put_text, put_text,
							NULL};
	struct liquid_options options = {
		.file = STR("fuzz"),
		.escape = flags & 1 ? LIQUID_ESCAPE_HTML : LIQUID_ESCAPE_NONE,
		.strict_variables = flags & 2,
		.load_partial = flags & 4 ? NULL : load_partial,
		.load_context = &source,
		.encoding = flags & 8 ? &encoding : NULL,
	};
	struct liquid_limits limits = {
		.steps = 20000, .output_size = 1 << 16, .memory_size = 1 << 20};
	struct liquid_error error;
	struct value value;
	struct buf out;
	struct liquid *liquid = liquid_compile(arena, source, &options, &error);
	if (!liquid) {
		if (!error.message[0])
			abort();
		return;
	}
	if (value_from_json_text(arena, json, &value, NULL, 0))
		value = value_hash(NULL, 0);
	buf_init_arena(&out, arena, 64);
	if (liquid_render(liquid, &value, &limits, 1700000000 * USEC_SECOND, arena, &out,
			  &error) &&
	    !error.message[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena_source source = {get_block, give_block};
	struct arena arena;
	if (size < 1)
		return 0;
	str rest = str_make((const char *)data + 1, size - 1);
	str template = str_cut(&rest, '\0');
	arena_init(&arena, &source, 4096, (size_t)32 << 20);
	run(template, rest, data[0], &arena);
	arena_done(&arena);
	return 0;
}
