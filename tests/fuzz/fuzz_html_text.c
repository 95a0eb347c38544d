/* Any bytes as HTML: a text comes out that ends in one line end and holds each Liquid tag whole
 * or not at all. */
#include "engine/api/html_text.h"
#include "engine/base/assert.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No private character of ours is left but those that the input brought along. */
static void check(str html, str text)
{
	ASSERT(text.data && str_ends(text, STR("\n")));
	ASSERT(!str_ends(text, STR("\n\n\n\n")));
	if (str_find(html, STR("\xEE\x80")) == STR_NONE &&
	    str_find(html, STR("&#")) == STR_NONE)
		ASSERT(str_find(text, STR("\xEE\x80\x80")) == STR_NONE);
	if (str_find(html, STR("liquid")) == STR_NONE)
		ASSERT(str_find(text, STR("<!--liquid")) == STR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	if (size > 8192)
		return 0;
	arena_init(&arena, &test_heap, 0, 0);
	str html = str_make((const char *)data, size);
	check(html, html_text(&arena, html));
	arena_done(&arena);
	return 0;
}
