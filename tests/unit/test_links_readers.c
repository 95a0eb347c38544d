/* Rewritten letters as Python's HTML parser reads them. This program is both the test and, run
 * with --rewrite, what tests/golden/links.py asks: one JSON object a line on its standard
 * input, one on its standard output. */
#include "tests/unit/cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/data/json_value.h"
#include "templates/links.h"
#include "templates/liquid.h"
#include "tests/golden/invariants.h"

#define PARTS_LIMIT 40

static const char *program;

static str text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return str_of(text ? text : "");
}

struct letter {
	struct links_part parts[PARTS_LIMIT]; /* the letter, then its partials */
	size_t count;
};

static bool load_partial(void *context, str name, struct arena *, str *ret_source)
{
	const struct letter *letter = context;
	for (size_t i = 1; i < letter->count; i++) {
		*ret_source = letter->parts[i].source;
		if (str_eq(letter->parts[i].name, name))
			return true;
	}
	return false;
}

static void read_letter(const json_t *object, struct letter *letter)
{
	const char *name;
	json_t *source, *partials = json_object_get(object, "partials");
	letter->parts[0] = (struct links_part){STR("x"), text_of(object, "html"), LINKS_HTML};
	letter->count = 1;
	json_object_foreach(partials, name, source) if (letter->count < PARTS_LIMIT)
		letter->parts[letter->count++] = (struct links_part){
		str_of(name), str_of(json_string_value(source)), LINKS_PARTIAL};
}

static json_t *rendered(struct arena *arena, struct letter *letter, const json_t *data)
{
	const struct liquid_options options = {.file = STR("x"),
					       .escape = LIQUID_ESCAPE_HTML,
					       .load_partial = load_partial,
					       .load_context = letter};
	str source = letter->parts[0].source;
	struct value campaign = {};
	assert_int_equal(data ? value_from_json(arena, data, &campaign) : 0, 0);
	struct value_pair pairs[] = {{STR("campaign"), campaign},
				     {STR("click_token"), value_string(STR("token"))}};
	const struct value roots = value_hash(pairs, 2);
	struct liquid_error error;
	struct buf out;
	buf_init_arena(&out, arena, 1 << 16);
	struct liquid *liquid = liquid_compile(arena, source, &options, &error);
	if (!liquid || liquid_render(liquid, &roots, NULL, 0, arena, &out, &error))
		return json_sprintf("%u:%u: %s", error.line, error.column, error.message);
	return json_stringn(out.data, out.size);
}

static json_t *list_of(const struct links *links)
{
	json_t *list = json_array();
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		json_array_append_new(list,
				      json_pack("{s:i,s:s%,s:b,s:s%}", "index",
						(int)link->index, "target", link->target.data,
						link->target.size, "is_liquid", link->is_liquid,
						"text", link->text.data, link->text.size));
	}
	return list;
}

static void rewrite_line(const char *line)
{
	struct arena arena;
	struct links links = {};
	struct letter before, after;
	json_t *object = json_loads(line, 0, NULL);
	const json_t *data = json_object_get(object, "data");
	read_letter(object, &before);
	read_letter(object, &after);
	arena_init(&arena, &test_heap, 0, 0);
	const struct links_options options = {
		.base_url = STR("https://n.test"),
		.tracking = (enum links_tracking)json_integer_value(
			json_object_get(object, "tracking")),
		.opens = json_is_true(json_object_get(object, "opens")),
		.campaign_token = STR("token"),
		.utm = text_of(object, "utm"),
		.load_partial = load_partial,
		.load_context = &before,
	};
	if (links_rewrite(&arena, &options, after.parts, after.count, &links) != 0)
		abort();
	json_t *answer =
		json_pack("{s:o,s:o,s:o}", "before", rendered(&arena, &before, data), "after",
			  rendered(&arena, &after, data), "links", list_of(&links));
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(answer);
	json_decref(object);
	arena_done(&arena);
}

static int rewrite_all(void)
{
	char *line = NULL;
	size_t capacity = 0;
	while (getline(&line, &capacity, stdin) > 0)
		rewrite_line(line);
	free(line);
	return 0;
}

static void test_links_readers_agree(void **)
{
	char command[1000];
	snprintf(command, sizeof(command), "/usr/bin/python3 tests/golden/links.py '%s'",
		 program);
	assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_readers_agree),
	};
	program = argv[0];
	if (argc == 2 && strcmp(argv[1], "--rewrite") == 0)
		return rewrite_all();
	return cmocka_run_group_tests_name("links_readers", tests, NULL, NULL);
}
