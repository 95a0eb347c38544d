/* Rendered messages as Python's email package reads them. This program is both the test and,
 * run with --render, the renderer that tests/golden/readers.py asks for messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/data/json_value.h"
#include "templates/message.h"
#include "tests/golden/invariants.h"

#define HEADER_COUNT_LIMIT 8

static const char *program;

static str text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_string(value))
		return (str){};
	return str_make(json_string_value(value), json_string_length(value));
}

static struct message_source source_of(const json_t *object,
				       struct message_header headers[HEADER_COUNT_LIMIT])
{
	const json_t *list = json_object_get(object, "headers");
	size_t count = json_array_size(list);
	for (size_t i = 0; i < count && i < HEADER_COUNT_LIMIT; i++) {
		const json_t *pair = json_array_get(list, i);
		headers[i].name = str_of(json_string_value(json_array_get(pair, 0)));
		const json_t *value = json_array_get(pair, 1);
		headers[i].value =
			str_make(json_string_value(value), json_string_length(value));
	}
	return (struct message_source){
		.subject = text_of(object, "subject"),
		.html = text_of(object, "html"),
		.text = text_of(object, "text"),
		.from_name = text_of(object, "from_name"),
		.from_address = STR("letters@news.example.com"),
		.reply_to = STR("hello@example.com"),
		.list_id = STR("letters.news.example.com"),
		.list_name = STR("Letters, all of them"),
		.feedback_id = STR("autumn:example:newsletter:rundbrief"),
		.unsubscribe_url = STR("https://news.example.com"),
		.return_domain = STR("bounce.example.com"),
		.headers = headers,
		.header_count = count,
	};
}

static int render_case(struct arena *arena, const json_t *object, struct buf *out,
		       struct liquid_error *error)
{
	static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
	struct message_header headers[HEADER_COUNT_LIMIT] = {};
	struct message_source source = source_of(object, headers);
	struct message_plan *plan = message_compile(arena, &source, error);
	if (!plan)
		return -1;
	size_t count = message_field_count(plan), header_size;
	struct value *values = ARENA_ARRAY(arena, struct value, count + 1);
	for (size_t i = 0; i < count; i++) {
		char name[100];
		assert_true(str_to_cstr(message_field(plan, i), name, sizeof(name)));
		const json_t *field = json_object_get(json_object_get(object, "fields"), name);
		assert_int_equal(value_from_json(arena, field, &values[i]), 0);
	}
	const struct message_recipient recipient = {
		.tenant = 1,
		.campaign_id = 7,
		.subscriber_id = 42,
		.email = text_of(object, "email"),
		.name = text_of(object, "name"),
		.values = values,
		.date_wall = 1785363392 * USEC_SECOND,
		.mac = mac,
	};
	if (message_render(plan, &recipient, arena, out, &header_size, error))
		return -1;
	const char *fault = message_fault(buf_str(out), header_size);
	if (fault)
		snprintf(error->message, sizeof(error->message), "%s", fault);
	return fault ? -1 : 0;
}

static void render_line(const char *line)
{
	struct arena arena;
	struct buf out;
	struct liquid_error error = {};
	arena_init(&arena, &test_heap, 0, 0);
	buf_init_arena(&out, &arena, 1 << 16);
	json_t *object = json_loads(line, JSON_ALLOW_NUL, NULL);
	if (object && render_case(&arena, object, &out, &error) == 0) {
		printf("ok %zu\n", out.size);
		fwrite(out.data, 1, out.size, stdout);
	} else {
		printf("error %s\n", error.message);
	}
	fflush(stdout);
	json_decref(object);
	arena_done(&arena);
}

static int render_all(void)
{
	char *line = NULL;
	size_t capacity = 0;
	while (getline(&line, &capacity, stdin) > 0)
		render_line(line);
	free(line);
	return 0;
}

static void test_message_readers_agree(void **)
{
	char command[1000];
	snprintf(command, sizeof(command), "/usr/bin/python3 tests/golden/readers.py '%s'",
		 program);
	assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_readers_agree),
	};
	program = argv[0];
	if (argc == 2 && strcmp(argv[1], "--render") == 0)
		return render_all();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
