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

static void expect_data_refused(const char *data, const char *told)
{
	struct campaign_dir c;
	char why[400] = "";
	put("data.json", data);
	assert_int_equal(read_dir(&c, why, sizeof(why)), -1);
	if (!strstr(why, told))
		fail_msg("'%s' is not in '%s'", told, why);
}

static void test_campaign_dir_reads_data(void **)
{
	struct campaign_dir c;
	char why[400] = "";
	put("campaign.conf", CONF "name = spring\n");
	put("body.txt", "hello");
	put("data.json", "{\"items\": [{\"n\": 1}], \"name\": \"not this one\"}");
	if (read_dir(&c, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_true(str_find(c.settings, STR("\"campaign\":{\"items\":[{\"n\":1}],"
					     "\"name\":\"spring\",\"subject\":")) != STR_NONE);
	expect_data_refused("[1]", "data.json: is not a JSON object");
	expect_data_refused("{\"a\": 1,\n \"a\": 2}", "data.json:2: duplicate object key");
	expect_data_refused("{\"a\": \xFF}", "data.json: is not UTF-8");
	put("campaign.conf", CONF "data = \"issue.json\"\n");
	assert_int_equal(read_dir(&c, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "issue.json"));
}

/* The settings' member, as text. */
static void expect_setting(const char *conf, const char *config_text, const char *key,
			   const char *wanted)
{
	struct campaign_dir c;
	struct config config;
	char why[400] = "", conf_file[1000];
	json_error_t error;
	assert_int_equal(config_parse(&config, "rundbrief.conf", str_of(config_text), &arena,
				      why, sizeof(why)),
			 0);
	snprintf(conf_file, sizeof(conf_file), "%s%s", CONF, conf);
	put("campaign.conf", conf_file);
	put("body.txt", "hello");
	if (campaign_dir_read(folder, &config, &arena, &c, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	json_t *json = json_loadb(c.settings.data, c.settings.size, 0, &error);
	json_t *member = json_object_get(json, key);
	char *found =
		member ? json_dumps(member, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS |
						    JSON_REAL_PRECISION(6))
		       : NULL;
	if (wanted)
		assert_string_equal(found ? found : "nothing", wanted);
	else
		assert_null(found);
	free(found);
	json_decref(json);
}

static void test_campaign_dir_says_only_what_is_set(void **)
{
	static const char *const keys[] = {
		"weight", "rate",   "byte_rate", "sample",
		"ramp",   "window", "breaker",   "in_doubt_wait_seconds"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect_setting("", "", keys[i], NULL);
	expect_setting("weight = 100", "", "weight", "100");
	expect_setting("rate = \"100/s,burst=5\"", "", "rate", "\"100/s,burst=5\"");
	expect_setting("byte_rate = 2GB/h", "", "byte_rate", "\"2GB/h\"");
	expect_setting("in_doubt_wait = 2h", "", "in_doubt_wait_seconds", "7200");
	expect_setting("sample = 500", "", "sample", "500");
	expect_setting("sample = \"2%\"", "", "sample", "\"2%\"");
	expect_setting("ramp = no", "", "ramp", "false");
	expect_setting("breaker { hard = 4% least = 50 }", "", "breaker",
		       "{\"hard\":0.04,\"least\":50}");
}

static void test_campaign_dir_takes_what_the_configuration_says(void **)
{
	const char *usual =
		"campaigns { sample = 700 ramp = false hard = 8% complaints = 0.2% }";
	expect_setting("", usual, "sample", "700");
	expect_setting("sample = 9", usual, "sample", "9");
	expect_setting("", usual, "ramp", "false");
	expect_setting("ramp = true", usual, "ramp", "true");
	expect_setting("breaker { hard = 1% }", usual, "breaker",
		       "{\"complaints\":0.002,\"hard\":0.01}");
}

static void test_campaign_dir_window_is_on_the_clock_of_its_zone(void **)
{
	expect_setting("window { start = \"2026-12-01 08:00\" zone = Europe/Berlin }", "",
		       "window",
		       "{\"start\":\"2026-12-01T08:00:00+01:00\",\"zone\":\"Europe/Berlin\"}");
	expect_setting(
		"window { start = \"2026-07-01T08:00\" zone = America/New_York }", "", "window",
		"{\"start\":\"2026-07-01T08:00:00-04:00\",\"zone\":\"America/New_York\"}");
	expect_setting("window { end = \"2026-07-01T08:00:30Z\" spread = true }", "", "window",
		       "{\"end\":\"2026-07-01T08:00:30+00:00\",\"spread\":true}");
	expect_setting("window { from = \"20:00\" until = \"06:00\" recipient_zone = tz }", "",
		       "window",
		       "{\"from\":\"20:00\",\"recipient_zone\":\"tz\",\"until\":\"06:00\"}");
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

static void test_campaign_dir_refuses_policy_with_its_line(void **)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"weight = 0", "campaign.conf:4: weight: '0' is out of range: 1 to 10000"},
		{"rate = 5/x", ":4: rate: '5/x' is not a rate"},
		{"byte_rate = 5/s", ":4: byte_rate: '5/s' is not a rate of bytes"},
		{"sample = 0", ":4: sample: write a share"},
		{"sample = 120%", ":4: sample: write a share"},
		{"breaker { hard = 0.05 }", ":4: hard: '0.05' is not a share (write 5%"},
		{"breaker { hrad = 5% }", "did you mean 'hard'?"},
		{"breaker { complaints = 0.1% complaints_alarm = 0.2% }",
		 ":4: breaker.complaints_alarm: is above complaints"},
		{"window { zone = Europe/Berlyn }",
		 ":4: window.zone: no time zone is called 'Europe/Berlyn'"},
		{"window { zone = \"+02:00\" }", "no time zone is called"},
		{"window { zone = \"../../../etc/passwd\" }", "no time zone is called"},
		{"window { zone = \"zone.tab\" }", "no time zone is called"},
		{"window { zone = \"\" }", "no time zone is called ''"},
		{"window {\nfrom = \"08:00\"\nuntil = \"08:00\" }",
		 ":6: window.until: is the same hour as from"},
		{"window { from = \"8:00\" }", ":4: window.from: write an hour"},
		{"window { until = \"24:01\" }", ":4: window.until: write an hour"},
		{"window { start = \"2026-12-01\" }", "start: '2026-12-01' is not a time"},
		{"window { start = \"2026-02-30 08:00\" }", "does not exist"},
		{"window { start = \"2026-03-29 02:30\" zone = Europe/Berlin }",
		 ":4: window.start: '2026-03-29 02:30' does not exist there"},
		{"window { start = \"2026-12-01 08:00\" end = \"2026-12-01T08:00:00+01:00\" }",
		 ":4: window.end: is not after start"},
		{"window { from = \"24:00\" }", ":4: window.from: is the end of the day"},
		{"window { until = \"20:00\" recipient_zone = tz spread = true }",
		 ":4: window.spread: does not go with recipient_zone"},
		{"sample = \".5%\"", ":4: sample: write a share"},
		{"window { recipient_zone = tz }",
		 ":4: window.recipient_zone: changes nothing"},
		{"window { start = \"2026-12-01 08:00\" spread = true }",
		 ":4: window.spread: needs to know by when"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char conf[400];
		snprintf(conf, sizeof(conf), "%s%s\n", CONF, cases[i].line);
		expect_mistake(conf, "hello", 5, cases[i].part);
	}
	expect_mistake("subject = a\nfrom = \"a@b.test\"\nkind = transactional\n"
		       "window { from = \"08:00\" }\n",
		       "hello", 5, ":4: window.from: a transactional campaign has no window");
	expect_mistake("subject = a\nfrom = \"a@b.test\"\nkind = transactional\nsample = 5\n",
		       "hello", 5, ":4: sample: a transactional campaign has no audience");
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
		cmocka_unit_test_setup_teardown(test_campaign_dir_reads_data, setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_says_only_what_is_set, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_campaign_dir_takes_what_the_configuration_says, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_campaign_dir_window_is_on_the_clock_of_its_zone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaign_dir_refuses_policy_with_its_line,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
