/* Whole messages against files: the gallery's newsletters for two subscribers, and a letter
 * with one part. GOLDEN_WRITE=1 writes the files anew; look at the difference before you commit
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "templates/message.h"
#include "tests/golden/invariants.h"

static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
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

static str file_bytes(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return (str){};
	char *data = arena_bytes(&arena, 1 << 17);
	size_t size = fread(data, 1, 1 << 17, file);
	fclose(file);
	return str_make(data, size);
}

static str gallery(const char *folder, const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "templates/gallery/%s/%s", folder, name);
	str bytes = file_bytes(path);
	assert_non_null(bytes.data);
	return bytes;
}

struct person {
	str email, name, first_name, city, plan, points;
};
static const struct person ann = {STR("ann@example.com"), STR("Ann Lee"),     STR("\"Ann\""),
				  STR("\"K\xC3\xB6ln\""), STR("\"premium\""), STR("640")};
static const struct person nobody = {STR("x@example.com"), STR(""), {}, {}, {}, {}};
static uint64_t subscriber_id = 41; /* each message of another one: no Message-ID comes twice */

static str field_of(const struct person *person, str name)
{
	return str_eq(name, STR("first_name")) ? person->first_name
	       : str_eq(name, STR("city"))     ? person->city
	       : str_eq(name, STR("plan"))     ? person->plan
	       : str_eq(name, STR("points"))   ? person->points
					       : (str){};
}

static void compare_with_file(str message, const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "tests/golden/%s.eml", name);
	if (getenv("GOLDEN_WRITE")) {
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(message.data, 1, message.size, file);
		fclose(file);
	}
	str expected = file_bytes(path);
	if (!str_eq(message, expected))
		fail_msg("%s differs; GOLDEN_WRITE=1 "
			 "build/debug/tests/unit/test_message_golden shows how",
			 path);
}

static void check(const struct message_source *source, const struct person *person,
		  const char *name)
{
	struct liquid_error error = {};
	struct message_plan *plan = message_compile(&arena, source, &error);
	if (!plan)
		fail_msg("%.*s:%u:%u: %s", STR_FORMAT(error.file), error.line, error.column,
			 error.message);
	str fields[20];
	assert_in_range(message_field_count(plan), 0, 20);
	for (size_t i = 0; i < message_field_count(plan); i++)
		fields[i] = field_of(person, message_field(plan, i));
	const struct message_recipient to = {
		.tenant = 1,
		.campaign_id = 7,
		.subscriber_id = ++subscriber_id,
		.email = person->email,
		.name = person->name,
		.fields = fields,
		.date_wall = 1785363392 * USEC_SECOND,
		.mac = mac,
	};
	struct buf out;
	size_t header_size;
	buf_init_arena(&out, &arena, 1 << 16);
	if (message_render(plan, &to, &arena, &out, &header_size, &error))
		fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
	assert_null(message_fault(buf_str(&out), header_size));
	compare_with_file(buf_str(&out), name);
}

static struct message_source letter(const char *folder)
{
	return (struct message_source){
		.subject = STR("{{ first_name | default: 'Hello' }}, the autumn roast is in"),
		.html = gallery(folder, "body.html"),
		.text = gallery(folder, "body.txt"),
		.from_name = STR("Alder & Finch Coffee"),
		.from_address = STR("letters@news.example.com"),
		.reply_to = STR("hello@example.com"),
		.list_id = STR("letters.news.example.com"),
		.list_name = STR("Letters"),
		.feedback_id = STR("autumn:alder-finch:newsletter:rundbrief"),
		.unsubscribe_url = STR("https://news.example.com"),
		.return_domain = STR("bounce.example.com"),
	};
}

static void test_golden_autumn_letter(void **)
{
	struct message_source source = letter("autumn-letter");
	check(&source, &ann, "autumn-letter-ann");
	check(&source, &nobody, "autumn-letter-nobody");
}

static void test_golden_wochenmarkt(void **)
{
	static const struct message_header headers[] = {{STR("Content-Language"), STR("de")},
							{STR("X-Stadt"), STR("{{ city }}")}};
	struct message_source source = letter("wochenmarkt");
	source.from_name = STR("Wochenmarkt am M\xC3\xBChlenplatz");
	source.headers = headers;
	source.header_count = 2;
	check(&source, &ann, "wochenmarkt-ann");
}

static void test_golden_text_only(void **)
{
	struct message_source source = letter("wochenmarkt");
	source.html = (str){};
	source.unsubscribe_url = STR("");
	check(&source, &nobody, "text-only-nobody");
}

/* By code that shares nothing with ours: the checklist, and that it finds what is broken. */
static void test_golden_holds_the_checklist(void **)
{
	assert_int_equal(system("/usr/bin/python3 tests/golden/mime_broken.py"), 0);
	assert_int_equal(system("/usr/bin/python3 tests/golden/mime_check.py tests/golden"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_autumn_letter),
		cmocka_unit_test(test_golden_wochenmarkt),
		cmocka_unit_test(test_golden_text_only),
		cmocka_unit_test(test_golden_holds_the_checklist),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
