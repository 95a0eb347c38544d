/* The gallery's campaign folders are read, compiled and rendered as people's own would be. The
 * two older ones once with their text and once with the one made from their HTML; each of the
 * others for the reader of its sample.json, byte for byte as tests/golden says, and for one of
 * whom nothing is known. GOLDEN_WRITE=1 writes the files anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>

#include "engine/api/campaign_dir.h"
#include "engine/api/config.h"
#include "engine/api/html_text.h"
#include "engine/base/codec.h"
#include "engine/send/content.h"
#include "tests/golden/invariants.h"

#define CLIP_SIZE (102 * 1024) /* Gmail shows no more of a letter */

static struct arena arena;
static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";

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

static struct message_recipient recipient(void)
{
	return (struct message_recipient){
		.tenant = 1,
		.campaign_id = 7,
		.subscriber_id = 42,
		.email = STR("ann@example.com"),
		.date_wall = 1785363392 * USEC_SECOND,
		.mac = mac,
	};
}

static str rendered(const struct content *content, const struct message_recipient *to)
{
	struct liquid_error error = {};
	struct buf out;
	size_t header_size = 0;
	buf_init_arena(&out, &arena, 1 << 16);
	if (message_render(content->plan, to, &arena, &out, &header_size, &error))
		fail_msg("%.*s:%u: %s", STR_FORMAT(error.file), error.line, error.message);
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

static struct campaign_dir read_folder(const char *name)
{
	struct config config;
	struct campaign_dir dir;
	char why[300] = "", folder[100];
	snprintf(folder, sizeof(folder), "templates/gallery/%s", name);
	assert_int_equal(config_parse(&config, "test.conf", STR(""), &arena, why, sizeof(why)),
			 0);
	if (campaign_dir_read(folder, &config, &arena, &dir, why, sizeof(why)))
		fail_msg("%s", why);
	return dir;
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
	struct message_recipient to = recipient();
	to.values = some;
	str full = rendered(content, &to);
	to.values = none;
	str bare = rendered(content, &to);
	assert_true(str_find(full, STR("Zo=C3=AB")) != STR_NONE);
	assert_true(str_find(bare, STR("Zo=C3=AB")) == STR_NONE);
	assert_true(str_find(full, STR("https://news.example.com/u/")) != STR_NONE);
	assert_in_range(full.size, 9000, 40000);
}

static void check_with_made_text(const char *name)
{
	struct campaign_dir dir = read_folder(name);
	check(&dir, dir.text);
	str made = html_text(&arena, dir.html);
	assert_true(str_find(made, STR("{{ unsubscribe_url }}")) != STR_NONE);
	assert_true(str_find(made, STR("<td")) == STR_NONE);
	check(&dir, made);
}

static void test_gallery_autumn_letter(void **)
{
	check_with_made_text("autumn-letter");
}

static void test_gallery_wochenmarkt(void **)
{
	check_with_made_text("wochenmarkt");
}

static str file_bytes(const char *path)
{
	str text;
	char why[300];
	if (file_read(path, 1 << 20, &arena, &text, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return text;
}

static void compare_with_file(str message, const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "tests/golden/gallery-%s.eml", name);
	if (getenv("GOLDEN_WRITE")) {
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(message.data, 1, message.size, file);
		fclose(file);
	}
	if (!str_eq(message, file_bytes(path)))
		fail_msg("%s differs; GOLDEN_WRITE=1 build/debug/tests/unit/test_gallery shows "
			 "how",
			 path);
}

/* Attributes as the database gives them: JSON text, NULL where there is none. The letter reads
 * every one that the sample names. */
static const str *sample_fields(const struct content *content, const char *name)
{
	char path[200];
	size_t found = 0;
	json_error_t error;
	snprintf(path, sizeof(path), "templates/gallery/%s/sample.json", name);
	str text = file_bytes(path);
	json_t *sample = json_loadb(text.data, text.size, 0, &error);
	assert_non_null(sample);
	str *fields = ARENA_ARRAY(&arena, str, content->field_count);
	for (size_t i = 0; i < content->field_count; i++) {
		str field = content->fields[i];
		json_t *member = json_object_getn(sample, field.data, field.size);
		char *value = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
		if (value)
			fields[i] = arena_copy(&arena, str_of(value));
		found += value != NULL;
		free(value);
	}
	assert_int_equal(found, json_object_size(sample));
	json_decref(sample);
	return fields;
}

/* What a gap in a sentence looks like where a value is missing. */
static void check_part_without_gaps(const struct content *content,
				    const struct message_recipient *to, enum message_part part)
{
	static const char *const gaps[] = {"{{",   "{%", " ,",       ",,",
					   " .\n", "()", "\n\n\n\n", ">,"};
	struct liquid_error error = {};
	struct buf out;
	buf_init_arena(&out, &arena, 1 << 16);
	if (message_render_part(content->plan, to, part, &arena, &out, &error))
		fail_msg("%s", error.message);
	assert_true(buf_str(&out).size > 20);
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		size_t at = str_find(buf_str(&out), str_of(gaps[i]));
		if (at == STR_NONE)
			continue;
		size_t from = at > 30 ? at - 30 : 0;
		fail_msg("'%s' in: %.*s", gaps[i],
			 STR_FORMAT(str_sub(buf_str(&out), from, at + 10)));
	}
}

static void check_golden(const char *name)
{
	struct campaign_dir dir = read_folder(name);
	assert_false(dir.text_is_made);
	const struct content *content = compiled(&dir, dir.text);
	struct message_recipient to = recipient();
	to.campaign_id = crc32c(0, str_of(name)); /* each file has a Message-ID of its own */
	str *none = ARENA_ARRAY(&arena, str, content->field_count + 1);
	to.fields = none;
	str bare = rendered(content, &to);
	check_part_without_gaps(content, &to, MESSAGE_SUBJECT);
	check_part_without_gaps(content, &to, MESSAGE_TEXT);
	to.name = STR("Ann Lee");
	to.fields = sample_fields(content, name);
	content_read_fields(content, &arena, &to);
	str full = rendered(content, &to);
	assert_in_range(full.size, 5000, CLIP_SIZE);
	assert_true(bare.size < full.size);
	bool may_be_left = str_find(full, STR("https://news.example.com/u/")) != STR_NONE;
	assert_int_equal(may_be_left, dir.kind == CAMPAIGN_NEWSLETTER);
	compare_with_file(full, name);
}

#define TEST_GOLDEN(name)                                                                      \
	static void test_gallery_##name(void **)                                               \
	{                                                                                      \
		check_golden(#name);                                                           \
	}
TEST_GOLDEN(announcement)
TEST_GOLDEN(digest)
TEST_GOLDEN(event)
TEST_GOLDEN(letter)
TEST_GOLDEN(product)
TEST_GOLDEN(receipt)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gallery_autumn_letter),
		cmocka_unit_test(test_gallery_wochenmarkt),
		cmocka_unit_test(test_gallery_announcement),
		cmocka_unit_test(test_gallery_digest),
		cmocka_unit_test(test_gallery_event),
		cmocka_unit_test(test_gallery_letter),
		cmocka_unit_test(test_gallery_product),
		cmocka_unit_test(test_gallery_receipt),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
