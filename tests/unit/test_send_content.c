/* test_send_content.c - a campaign's content with variants: a plan each, fields of all read
 * once, the rest with the winner, and settings by other hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "engine/io/heap.h"
#include "engine/send/content.h"

static struct arena arena;
static const struct content_site site = {.return_domain = {"bounce.example.com", 18}};

#define LETTER "\"subject\":\"News for {{ first_name }}\",\"from_address\":\"ann@example.com\""
#define TWO                                                                                    \
	"\"variants\":[{\"name\":\"a\",\"share\":1000},{\"name\":\"b\",\"share\":1000,"        \
	"\"subject\":\"{{ shop }}, {{ city }}\",\"text\":\"{{ city }} {{ last_name }}\"}],"    \
	"\"hold_out\":500"

static int setup(void **)
{
	arena_init(&arena, heap_source(), 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static const struct content *compile(const char *settings)
{
	struct liquid_error error = {};
	const struct content *content =
		content_compile(&arena, str_of(settings), (str){},
				STR("Dear {{ first_name }} of {{ city }}"), &site, &error);
	if (!content)
		fail_msg("%s", error.message);
	return content;
}

static size_t place_of(const struct content *content, const char *field)
{
	for (size_t i = 0; i < content->field_count; i++)
		if (str_eq(content->fields[i], str_of(field)))
			return i;
	fail_msg("%s is not read", field);
	return 0;
}

/* One part of a variant, to somebody whose attributes are named as they are. */
static const char *shown(const struct content *content, uint32_t variant,
			 enum message_part part)
{
	static char memory[400];
	static const uint8_t mac[TOKEN_MAC_SIZE];
	struct liquid_error error = {};
	struct buf out;
	str *fields = ARENA_ARRAY(&arena, str, content->field_count + 1);
	for (size_t i = 0; i < content->field_count; i++) {
		char json[80];
		snprintf(json, sizeof(json), "\"<%.*s>\"", STR_FORMAT(content->fields[i]));
		fields[i] = arena_copy(&arena, str_of(json));
	}
	struct message_recipient to = {.tenant = 1,
				       .campaign_id = 1,
				       .subscriber_id = 1,
				       .email = STR("bob@example.com"),
				       .name = STR("Bob"),
				       .fields = fields,
				       .mac = mac};
	const struct message_plan *plan = content_plan(content, &arena, variant, &to);
	content_read_fields(content, &arena, &to);
	buf_init_fixed(&out, memory, sizeof(memory) - 1);
	if (message_render_part(plan, &to, part, &arena, &out, &error) != 0)
		fail_msg("%s", error.message);
	memory[out.size] = '\0';
	return memory;
}

static void test_content_variants_read_their_own_fields(void **)
{
	const struct content *content = compile("{" LETTER "," TWO "}");
	assert_int_equal(content->split.count, 2);
	assert_int_equal(content->field_count, 4); /* each once, whoever reads it */
	assert_true(place_of(content, "first_name") < 2 && place_of(content, "city") < 2);
	assert_true(place_of(content, "shop") >= 2 && place_of(content, "last_name") >= 2);
	assert_string_equal(shown(content, 1, MESSAGE_SUBJECT), "News for <first_name>");
	assert_string_equal(shown(content, 1, MESSAGE_TEXT), "Dear <first_name> of <city>");
	assert_string_equal(shown(content, 2, MESSAGE_SUBJECT), "<shop>, <city>");
	assert_string_equal(shown(content, 2, MESSAGE_TEXT), "<city> <last_name>");
	assert_string_equal(shown(content, 0, MESSAGE_SUBJECT), "News for <first_name>");
}

static void test_content_without_variants_is_as_it_was(void **)
{
	const struct content *content = compile("{" LETTER "}");
	assert_int_equal(content->split.count, 0);
	assert_int_equal(content->field_count, 2);
	assert_string_equal(shown(content, 1, MESSAGE_SUBJECT), "News for <first_name>");
	for (uint64_t id = 1; id < 1000; id++)
		assert_int_equal(content_variant_of(content, 1, id, 0), 1);
}

static void test_content_rest_has_the_winner_and_the_held_out_nothing(void **)
{
	const struct content *content = compile("{" LETTER "," TWO "}");
	size_t rest = 0, nobody = 0;
	for (uint64_t id = 1; id <= 5000; id++) {
		uint32_t before = content_variant_of(content, 9, id, 0);
		uint32_t after = content_variant_of(content, 9, id, 2);
		int variant = variant_of(&content->split, 9, id);
		rest += variant == VARIANT_REST;
		nobody += variant == VARIANT_HELD_OUT;
		assert_int_equal(before, variant > 0 ? variant : 0);
		assert_int_equal(after, variant > 0               ? variant
					: variant == VARIANT_REST ? 2
								  : 0);
	}
	assert_true(rest > 3500 && nobody > 150);
}

/* A zone that no letter reads is a field behind those of all of them. */
static void test_content_zone_stands_behind_the_variants_fields(void **)
{
	const struct content *content = compile(
		"{" LETTER "," TWO ",\"window\":{\"from\":\"08:00\",\"until\":\"20:00\","
		"\"recipient_zone\":\"tz\"}}");
	assert_int_equal(content->field_count, 5);
	assert_int_equal(content->zone_index, place_of(content, "tz"));
	assert_string_equal(shown(content, 2, MESSAGE_TEXT), "<city> <last_name>");
}

static void test_content_names_the_variant_in_an_error(void **)
{
	struct liquid_error error = {};
	assert_null(content_compile(
		&arena,
		STR("{" LETTER ",\"variants\":[{\"name\":\"a\",\"share\":5000},"
		    "{\"name\":\"b\",\"share\":5000,\"text\":\"{{ x | y }}\"}]}"),
		(str){}, STR("hello"), &site, &error));
	assert_true(str_eq(error.file, STR("variant b: body.txt")));
}

/* What nobody checked is no split: everybody gets the letter. */
static void test_content_takes_no_shares_that_are_none(void **)
{
	static const char *const bad[] = {"\"variants\":5", "\"variants\":[]",
					  "\"variants\":{}",
					  "\"variants\":[{\"share\":9000},{\"share\":2000}]",
					  "\"variants\":[{\"share\":9000}],\"hold_out\":1001"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char settings[300];
		snprintf(settings, sizeof(settings), "{" LETTER ",%s}", bad[i]);
		assert_int_equal(compile(settings)->split.count, 0);
	}
	assert_int_equal(compile("{" LETTER ",\"variants\":[{\"share\":-5},7]}")->split.count,
			 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_variants_read_their_own_fields),
		cmocka_unit_test(test_content_without_variants_is_as_it_was),
		cmocka_unit_test(test_content_rest_has_the_winner_and_the_held_out_nothing),
		cmocka_unit_test(test_content_zone_stands_behind_the_variants_fields),
		cmocka_unit_test(test_content_names_the_variant_in_an_error),
		cmocka_unit_test(test_content_takes_no_shares_that_are_none),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
