/* test_api_campaign_dir.c - a folder becomes settings and bodies, or a sentence with its file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/campaign_dir.h"
#include "engine/io/heap.h"

static char folder[64];
static struct arena arena;

static void put_file(const char *name, const char *data, size_t size)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

static void put(const char *name, const char *text)
{
	put_file(name, text, strlen(text));
}

static int setup(void **)
{
	strcpy(folder, "/tmp/rundbrief-test-XXXXXX");
	arena_init(&arena, heap_source(), 0, 0);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	arena_done(&arena);
	return system(command);
}

static int read_dir(struct campaign_dir *c, char *why, size_t why_size)
{
	struct config config;
	assert_int_equal(config_parse(&config, "", (str){}, &arena, why, why_size), 0);
	return campaign_dir_read(folder, &config, &arena, c, why, why_size);
}

#define CONF                                                                                   \
	"subject = \"Hi {{ a }}\"\nfrom = \"Ann <ann@example.com>\"\nlists = { news, \"x y\" " \
	"}\n"

static void test_campaign_dir_reads_settings_and_bodies(void **)
{
	struct campaign_dir c;
	char why[400] = "", partials[100];
	json_error_t error;
	put("campaign.conf",
	    CONF "name = spring\nexpires = 2d\nin_doubt = retry\n"
		 "header \"X-A\" { value = \"{{ b }}\" }\nheader \"X-B\" { value = c }\n");
	put("body.html", "\xEF\xBB\xBF<p>hello</p>");
	put("body.txt", "hello");
	snprintf(partials, sizeof(partials), "%s/partials", folder);
	mkdir(partials, 0700);
	put("partials/foot.liquid", "bye");
	int result = read_dir(&c, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
	assert_true(str_eq(c.html, STR("<p>hello</p>")));
	assert_true(str_eq(c.text, STR("hello")));
	assert_int_equal(c.lists.count, 2);
	json_t *json = json_loadb(c.settings.data, c.settings.size, 0, &error);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "from_name")), "Ann");
	assert_string_equal(json_string_value(json_object_get(json, "from_address")),
			    "ann@example.com");
	assert_string_equal(json_string_value(json_object_get(json, "in_doubt")), "retry");
	assert_int_equal(json_integer_value(json_object_get(json, "expires_seconds")), 172800);
	assert_int_equal(json_array_size(json_object_get(json, "headers")), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "partials"), "foot")),
		"bye");
	json_decref(json);
}

static void test_campaign_dir_transactional_has_no_audience(void **)
{
	struct campaign_dir c;
	char why[400] = "";
	put("campaign.conf", "subject = a\nfrom = \"a@b.test\"\nkind = transactional\n");
	put("body.txt", "hello");
	assert_int_equal(read_dir(&c, why, sizeof(why)), 0);
	assert_int_equal(c.kind, CAMPAIGN_TRANSACTIONAL);
	assert_true(str_find(c.settings, STR("\"kind\":\"transactional\"")) != STR_NONE);
	assert_true(str_find(c.settings, STR("\"list_id\":\"\"")) != STR_NONE);
	assert_true(str_find(c.settings, STR(":transactional:b-test\"")) != STR_NONE);
}

static void test_campaign_dir_ready_compiles(void **)
{
	struct campaign_dir c;
	struct config config;
	char why[400] = "";
	assert_int_equal(config_parse(&config, "", (str){}, &arena, why, sizeof(why)), 0);
	assert_int_equal(
		campaign_dir_ready("Shop <shop@b.test>", &config, &arena, &c, why, sizeof(why)),
		0);
	assert_true(str_find(c.settings, STR("\"from_name\":\"Shop\"")) != STR_NONE);
	struct cli cli = {.arena = &arena, .config = config};
	assert_int_equal(campaign_dir_check(&cli, &c), CLI_GO);
	assert_int_equal(campaign_dir_ready("nobody", &config, &arena, &c, why, sizeof(why)),
			 -1);
	assert_non_null(strstr(why, "from: write"));
}

static void test_campaign_dir_is_named_after_its_folder(void **)
{
	struct campaign_dir c;
	char why[400] = "";
	put("campaign.conf", CONF);
	put("body.txt", "hello");
	assert_int_equal(read_dir(&c, why, sizeof(why)), 0);
	assert_true(str_starts(c.name, STR("rundbrief-test-")));
	assert_null(c.html.data);
}

static void test_campaign_dir_same_folder_same_settings(void **)
{
	struct campaign_dir a, b;
	char why[400] = "";
	put("campaign.conf", CONF);
	put("body.html", "<p>x</p>");
	assert_int_equal(read_dir(&a, why, sizeof(why)), 0);
	assert_int_equal(read_dir(&b, why, sizeof(why)), 0);
	assert_true(str_eq(a.settings, b.settings));
	assert_true(a.text_is_made);
}

static void expect_mistake(const char *conf, const char *body, size_t body_size,
			   const char *part)
{
	struct campaign_dir c;
	char why[400] = "";
	put("campaign.conf", conf);
	put_file("body.txt", body, body_size);
	assert_int_equal(read_dir(&c, why, sizeof(why)), -1);
	if (str_find(str_of(why), str_of(part)) == STR_NONE)
		fail_msg("'%s' does not say '%s'", why, part);
	assert_true(str_starts(str_of(why), str_of(folder)));
}

static void test_campaign_dir_tells_what_is_wrong(void **)
{
	expect_mistake("from = \"a@b.test\"\nlists = { x }\n", "x", 1, "subject is missing");
	expect_mistake("subject = a\nfrom = \"a@b.test\"\n", "x", 1, "lists is missing");
	expect_mistake("subject = a\nlists = { x }\n", "x", 1, "from: write");
	expect_mistake("subject = a\nfrom = \"a@b.test\"\nkind = transactional\n"
		       "lists = { x }\n",
		       "x", 1, "lists: a transactional campaign has no audience");
	expect_mistake("subject = a\nkind = other\n", "x", 1, "kind");
	expect_mistake("subject = a\nfrom = \"Ann <ann>\"\nlists = { x }\n", "x", 1,
		       "from: write");
	expect_mistake("subject = a\nfrom = \"Ann <a@b.test\"\nlists = { x }\n", "x", 1,
		       "from: write");
	expect_mistake("sbject = a\n", "x", 1,
		       "campaign.conf:1: unknown key 'sbject', did you mean "
		       "'subject'?");
	expect_mistake(CONF, "M\xFCnchen", 7, "is not UTF-8");
	expect_mistake(CONF, "a\0b", 3, "is not UTF-8");
	expect_mistake(CONF "html = missing.html\n", "x", 1, "missing.html");
	expect_mistake(CONF "name = \"a\\x1b[31m\"\n", "x", 1, "without control characters");
	expect_mistake(CONF "expires = soon\n", "x", 1, "expires: 'soon' is not a duration");
}

static void test_campaign_dir_needs_a_body(void **)
{
	struct campaign_dir c;
	char why[400] = "";
	put("campaign.conf", CONF);
	assert_int_equal(read_dir(&c, why, sizeof(why)), -1);
	assert_int_not_equal(str_find(str_of(why), STR("neither body.html nor body.txt")),
			     STR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_campaign_dir_reads_settings_and_bodies,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_is_named_after_its_folder,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_transactional_has_no_audience,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_ready_compiles, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_same_folder_same_settings,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_tells_what_is_wrong, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_needs_a_body, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
