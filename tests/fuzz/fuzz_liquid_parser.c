/* Templates from anybody: compiling must answer, in bounded time and memory, and point into the
 * text when it complains. What compiles is not rendered here: see fuzz_liquid_render.
 * Input: one byte of flags, then the template. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "templates/liquid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_SIZE = 32 << 20 };

/* The template itself is a partial too, and a layout. */
static bool load_partial(void *context, str name, struct arena *, str *ret_source)
{
	if (str_eq(name, STR("self")))
		*ret_source = *(const str *)context;
	else if (str_eq(name, STR("p")))
		*ret_source = STR(
			"{{ p }}{% block b %}{{ q }}{% endblock %}{% block %}{% endblock %}");
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

static void check_error(const struct liquid_error *error)
{
	if (!error->message[0] || !memchr(error->message, '\0', sizeof(error->message)) ||
	    !memchr(error->excerpt, '\0', sizeof(error->excerpt)) || !error->line ||
	    !error->column)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct liquid_encoding encoding = {prepare_literal, put_text, put_text,
							NULL};
	static char *memory; /* one for all inputs: they come by the ten thousand a second */
	static struct arena arena;
	struct liquid_error error;
	if (size < 1)
		return 0;
	if (!memory) {
		if (!(memory = malloc(MEMORY_SIZE)))
			abort();
		arena_init_fixed(&arena, memory, MEMORY_SIZE);
	}
	str template = str_make((const char *)data + 1, size - 1);
	struct liquid_options options = {
		.file = STR("fuzz"),
		.strict_variables = data[0] & 2,
		.load_partial = data[0] & 4 ? NULL : load_partial,
		.load_context = &template,
		.encoding = data[0] & 8 ? &encoding : NULL,
	};
	const struct liquid *liquid = liquid_compile(&arena, template, &options, &error);
	if (!liquid)
		check_error(&error);
	for (size_t i = 0; liquid && i < liquid_variable_count(liquid); i++)
		if (!liquid_variable(liquid, i).data)
			abort();
	arena_reset(&arena);
	return 0;
}
