/* Any template as HTML or text with links. Input: one byte of flags, then the template. What
 * compiles still does when its links are rewritten, on the same lines; each link that is listed
 * leads somewhere, and targets that are Liquid compile. */
#include "engine/base/assert.h"
#include "templates/links.h"
#include "templates/liquid.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load_partial(void *, str name, struct arena *, str *ret_source)
{
	*ret_source = STR("<b>{{ p }}");
	return str_eq(name, STR("p"));
}

static bool compiles(struct arena *arena, str source, enum liquid_escape escape)
{
	const struct liquid_options options = {
		.file = STR("fuzz"), .escape = escape, .load_partial = load_partial};
	struct liquid_error error;
	return liquid_compile(arena, source, &options, &error);
}

static size_t feeds_of(str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\n';
	return count;
}

static void check(struct arena *arena, const struct links *links)
{
	uint32_t last = 0;
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		ASSERT(link->target.size > 0 && link->text.size <= LINK_TEXT_LIMIT);
		ASSERT(link->index == 0 || link->index == last + 1);
		last = link->index ? link->index : last;
		if (link->is_liquid && link->target.size < 4096)
			ASSERT(compiles(arena, link->target, LIQUID_ESCAPE_NONE));
	}
	ASSERT(last == links->tracked_count);
}

static void run(struct arena *arena, str source, uint8_t flags)
{
	const struct links_options options = {
		.base_url = STR("https://n.test"),
		.tracking = (enum links_tracking)((flags & 3) % 3),
		.opens = flags & 4,
		.text = flags & 8,
		.campaign_token = STR("atoken"),
		.utm = flags & 16 ? STR("utm_source=n&utm_medium=%22") : STR(""),
		.load_partial = load_partial,
	};
	struct links links;
	struct link_path path;
	struct links_part part = {STR("fuzz"), source, (enum links_form)(flags / 32 % 3)};
	enum liquid_escape escape =
		part.form == LINKS_TEXT ? LIQUID_ESCAPE_NONE : LIQUID_ESCAPE_HTML;
	bool good = compiles(arena, source, escape);
	if (links_rewrite(arena, &options, &part, 1, &links) != 0)
		return;
	check(arena, &links);
	if (good)
		ASSERT(compiles(arena, part.source, escape));
	if (good && part.form != LINKS_TEXT)
		ASSERT(feeds_of(part.source) == feeds_of(source));
	if (link_path_read(source, &path))
		ASSERT(path.token.size > 0 && (path.page == LINK_CLICK) == (path.index > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	if (size < 1 || size > 8192)
		return 0;
	arena_init(&arena, &test_heap, 0, (size_t)64 << 20);
	run(&arena, str_make((const char *)data + 1, size - 1), data[0]);
	arena_done(&arena);
	return 0;
}
