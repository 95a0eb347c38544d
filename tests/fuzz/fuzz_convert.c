/* Any bytes as a template of any sender: what comes out is bounded, and our Liquid compiles it
 * when nothing was told to be without an equivalent; a comment in place of what was lost never
 * breaks it either. The first byte chooses the language. */
#include "engine/base/assert.h"
#include "templates/convert.h"
#include "templates/liquid.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load_nothing(void *, str, struct arena *, str *ret_source)
{
	*ret_source = STR("");
	return true;
}

static void check_notes(str source, const struct convert_result *result)
{
	size_t lost = 0;
	for (const struct convert_note *n = result->notes; n; n = n->next) {
		ASSERT(n->line >= 1 && n->column >= 1 && n->column <= source.size + 1);
		lost += n->lost;
	}
	ASSERT(lost <= result->lost_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct convert_result result;
	struct liquid_error error = {};
	if (size == 0 || size > 8192)
		return 0;
	arena_init(&arena, &test_heap, 0, 0);
	str source = str_make((const char *)data + 1, size - 1);
	if (convert_run(&arena, source, (enum convert_from)(data[0] % CONVERT_FROM_COUNT),
			&result) == 0) {
		const struct liquid_options options = {.file = STR("f"),
						       .load_partial = load_nothing};
		check_notes(source, &result);
		const struct liquid *liquid =
			liquid_compile(&arena, result.liquid, &options, &error);
		if (!liquid && !strstr(error.message, "unknown filter 't'"))
			fprintf(stderr, "%u:%u: %s\n%.*s\n", error.line, error.column,
				error.message, STR_FORMAT(result.liquid));
		ASSERT(liquid || strstr(error.message, "unknown filter 't'"));
	} else {
		ASSERT(result.why[0]);
	}
	arena_done(&arena);
	return 0;
}
