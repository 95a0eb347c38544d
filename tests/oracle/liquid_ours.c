/* liquid_ours.c - what templates/ makes of cases: JSON lines in, JSON lines out; beside
 * liquid_reference.rb, whose answers the oracle compares. One process for all of them. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/json_value.h"
#include "templates/liquid.h"

static void *get_block(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void give_block(struct arena_source *, void *block, size_t)
{
	free(block);
}

static str text_of(const json_t *object, const char *key)
{
	const json_t *text = json_object_get(object, key);
	return text ? (str){json_string_value(text), json_string_length(text)} : (str){};
}

static bool load_partial(void *context, str name, struct arena *arena, str *ret_source)
{
	char key[200];
	if (!str_to_cstr(name, key, sizeof(key)) || !json_object_get(context, key))
		return false;
	*ret_source = arena_copy(arena, text_of(context, key));
	return ret_source->data != NULL;
}

static void tell_error(const struct liquid_error *error)
{
	json_t *answer =
		json_pack("{s:s?}", "error", error->message[0] ? error->message : "no reason");
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(answer);
}

static void tell_text(str text)
{
	fputs("{\"text\":\"", stdout);
	for (size_t i = 0; i < text.size; i++)
		printf("%02x", (unsigned char)text.data[i]);
	fputs("\"}\n", stdout);
}

static void answer(const json_t *test, struct arena *arena)
{
	struct liquid_options options = {
		.file = STR("case"),
		.strict_variables = json_is_true(json_object_get(test, "strict_variables")),
		.load_partial = load_partial,
		.load_context = json_object_get(test, "partials"),
	};
	struct liquid_error error = {};
	struct value data;
	struct buf out;
	buf_init_arena(&out, arena, 256);
	if (value_from_json(arena, json_object_get(test, "data"), &data))
		exit(1);
	struct liquid *liquid =
		liquid_compile(arena, text_of(test, "template"), &options, &error);
	if (!liquid || liquid_render(liquid, &data, NULL, 0, arena, &out, &error))
		tell_error(&error);
	else
		tell_text(buf_str(&out));
}

int main(void)
{
	static struct arena_source source = {get_block, give_block};
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	while ((size = getline(&line, &room, stdin)) > 0) {
		struct arena arena;
		json_t *test = json_loadb(line, (size_t)size, JSON_ALLOW_NUL, NULL);
		if (!test)
			return 1;
		arena_init(&arena, &source, 16384, (size_t)256 << 20);
		answer(test, &arena);
		arena_done(&arena);
		json_decref(test);
	}
	free(line);
	return 0;
}
