/* The gallery's campaign folders are read, compiled and rendered as people's own would be, once
 * with their text and once with the one made from their HTML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/api/campaign_dir.h"
#include "engine/api/config.h"
#include "engine/api/html_text.h"
#include "engine/send/content.h"
#include "tests/golden/invariants.h"

static struct arena arena;

static int setup(void **)
{
	arena_init(&arena, &test_heap, 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static str rendered(const struct content *content, const struct value *values)
{
	static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
	struct liquid_error error = {};
	struct buf out;
	size_t header_size = 0;
	const struct message_recipient to = {
		.tenant = 1,
		.campaign_id = 7,
		.subscriber_id = 42,
		.email = STR("ann@example.com"),
		.values = values,
		.date_wall = 1785363392 * USEC_SECOND,
		.mac = mac,
	};
	buf_init_arena(&out, &arena, 1 << 16);
	if (message_render(content->plan, &to, &arena, &out, &header_size, &error))
		fail_msg("%s", error.message);
	const char *fault = message_fault(buf_str(&out), header_size);
	if (fault)
		fail_msg("%s", fault);
	return buf_str(&out);
}

static struct content *compiled(const struct campaign_dir *dir, str text)
{
	static const struct content_site site = {.return_domain = STR("bounce.example.com"),
						 .base_url = STR("https://news.example.com")};
	struct liquid_error error = {};
	struct content *content =
		content_compile(&arena, dir->settings, dir->html, text, &site, &error);
	if (!content)
		fail_msg("%.*s:%u:%u: %s", STR_FORMAT(error.file), error.line, error.column,
			 error.message);
	return content;
}

static void check(const struct campaign_dir *dir, str text)
{
	const struct content *content = compiled(dir, text);
	assert_in_range(content->field_count, 2, 10);
	struct value some[10] = {}, none[10] = {};
	for (size_t i = 0; i < content->field_count; i++)
		some[i] = str_eq(content->fields[i], STR("points"))
				  ? value_int(120)
				  : value_string(STR("Zo\xC3\xAB"));
	str full = rendered(content, some), bare = rendered(content, none);
	assert_true(str_find(full, STR("Zo=C3=AB")) != STR_NONE);
	assert_true(str_find(bare, STR("Zo=C3=AB")) == STR_NONE);
	assert_true(str_find(full, STR("https://news.example.com/u/")) != STR_NONE);
	assert_in_range(full.size, 9000, 40000);
}

static void test_gallery_folder(const char *folder)
{
	struct config config;
	struct campaign_dir dir;
	char why[300] = "";
	assert_int_equal(config_parse(&config, "test.conf", STR(""), &arena, why, sizeof(why)),
			 0);
	if (campaign_dir_read(folder, &config, &arena, &dir, why, sizeof(why)))
		fail_msg("%s", why);
	check(&dir, dir.text);
	str made = html_text(&arena, dir.html);
	assert_true(str_find(made, STR("{{ unsubscribe_url }}")) != STR_NONE);
	assert_true(str_find(made, STR("<td")) == STR_NONE);
	check(&dir, made);
}

static void test_gallery_autumn_letter(void **)
{
	test_gallery_folder("templates/gallery/autumn-letter");
}

static void test_gallery_wochenmarkt(void **)
{
	test_gallery_folder("templates/gallery/wochenmarkt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gallery_autumn_letter),
		cmocka_unit_test(test_gallery_wochenmarkt),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
