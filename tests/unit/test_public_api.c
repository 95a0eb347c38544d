/* The public interface: what it does, and that a stranger's program builds against it as C11
 * and as C++, links and runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal/record.h"

#include <rundbrief/classify.h>
#include <rundbrief/journal.h>
#include <rundbrief/template.h>

#define LINK                                                                                   \
	"-Wl,--start-group build/debug/libcore.a build/debug/librim.a -Wl,--end-group "        \
	"$(pkg-config --libs jansson libpcre2-8 libidn2) -lpthread -lm"

static rundbrief_template *compile(const char *source, enum rundbrief_escape escape,
				   struct rundbrief_error *error)
{
	return rundbrief_template_compile(source, strlen(source), escape, error);
}

static void test_public_template_renders(void **)
{
	struct rundbrief_error error;
	char *text;
	size_t size;
	const char *json = "{\"name\": \"<Ann>\", \"cities\": [\"Rome\", \"Oslo\"]}";
	rundbrief_template *t = compile("{{ name }}:{% for c in cities %} {{ c }}{% endfor %}",
					RUNDBRIEF_ESCAPE_HTML, &error);
	assert_non_null(t);
	assert_int_equal(
		rundbrief_template_render(t, json, strlen(json), 0, &text, &size, &error), 0);
	assert_string_equal(text, "&lt;Ann&gt;: Rome Oslo");
	assert_int_equal(size, strlen(text));
	rundbrief_free(text);
	rundbrief_template_destroy(t);
}

static void test_public_template_copies_its_source(void **)
{
	char source[] = "Hello {{ name }}", *text;
	size_t size;
	rundbrief_template *t = compile(source, RUNDBRIEF_ESCAPE_NONE, NULL);
	memset(source, 'x', sizeof(source) - 1);
	assert_int_equal(rundbrief_template_render(t, "{}", 2, 0, &text, &size, NULL), 0);
	assert_string_equal(text, "Hello ");
	rundbrief_free(text);
	rundbrief_template_destroy(t);
}

static void test_public_template_tells_mistakes(void **)
{
	struct rundbrief_error error = {0};
	char *text = NULL;
	size_t size = 7;
	assert_null(compile("a\n {{ x | upcsae }}", RUNDBRIEF_ESCAPE_NONE, &error));
	assert_int_equal(error.line, 2);
	assert_non_null(strstr(error.message, "upcsae"));
	assert_null(compile("{{ x | upcsae }}", RUNDBRIEF_ESCAPE_NONE, NULL));

	static const char *const bad[] = {"", "[1]", "{", "7"};
	rundbrief_template *t = compile("x", RUNDBRIEF_ESCAPE_NONE, &error);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		error.message[0] = '\0';
		assert_int_equal(rundbrief_template_render(t, bad[i], strlen(bad[i]), 0, &text,
							   &size, &error),
				 -1);
		assert_true(error.message[0] && !text && size == 7);
	}
	rundbrief_template_destroy(t);
	rundbrief_template_destroy(NULL);
}

static void test_public_classify(void **)
{
	struct rundbrief_classification found;
	rundbrief_classifier *c = rundbrief_classifier_create();
	assert_non_null(c);
	rundbrief_classify(c, 550, "5.1.1", "No such user", 12, NULL, &found);
	assert_string_equal(found.class_name, "bad-mailbox");
	assert_int_equal(found.verdict, RUNDBRIEF_FAILED);
	assert_true(found.suppress);
	rundbrief_classify(c, 250, NULL, "ok", 2, "gmail", &found);
	assert_int_equal(found.verdict, RUNDBRIEF_DELIVERED);
	rundbrief_classify(c, -7, "nonsense", "", 0, "", &found);
	assert_non_null(found.class_name);
	rundbrief_classifier_destroy(c);
	rundbrief_classifier_destroy(NULL);
}

static void test_public_verdict_names(void **)
{
	assert_string_equal(rundbrief_verdict_name(RUNDBRIEF_IN_DOUBT), "in-doubt");
	assert_null(rundbrief_verdict_name(0));
	assert_null(rundbrief_verdict_name(-1));
	assert_null(rundbrief_verdict_name(99));
}

/* A mark undone, a mark with its outcome, and the beginning of a record. */
static void write_journal(char folder[64])
{
	char bytes[8192], path[128];
	struct buf b;
	struct journal_mark mark = {.campaign_id = 3,
				    .subscriber_id = 7,
				    .attempt = 2,
				    .at_wall = 1700000000000000,
				    .mx_host = STR("mx.example.net")};
	const struct store_outcome outcome = {.campaign_id = 3,
					      .subscriber_id = 8,
					      .verdict = VERDICT_FAILED,
					      .final = true,
					      .suppress = true,
					      .class = CLASS_BAD_MAILBOX,
					      .cause = "no-such-user",
					      .code = 550,
					      .status = {5, 1, 1},
					      .attempt = 1,
					      .at_wall = 1700000000000000,
					      .due_wall = 1700000000000001,
					      .text = STR("No such user")};
	buf_init_fixed(&b, bytes, sizeof(bytes));
	record_put_mark(&b, &mark);
	record_put_void(&b, &mark);
	record_put_outcome(&b, &outcome);
	buf_put_cstr(&b, "torn");
	strcpy(folder, "/tmp/rundbrief-public.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%020d.journal", folder, 0);
	FILE *out = fopen(path, "w");
	assert_int_equal(fwrite(bytes, 1, b.size, out), b.size);
	fclose(out);
}

static void remove_journal(const char *folder)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%020d.journal", folder, 0);
	unlink(path);
	rmdir(folder);
}

static void test_public_journal(void **)
{
	char folder[64], why[200];
	struct rundbrief_record r;
	uint64_t position;
	write_journal(folder);
	rundbrief_journal *j = rundbrief_journal_open(folder, why, sizeof(why));
	assert_non_null(j);
	assert_int_equal(rundbrief_journal_next(j, &r), 1);
	assert_int_equal(r.type, RUNDBRIEF_RECORD_MARK);
	assert_true(r.begin == 0 && r.subscriber == 7 && r.attempt == 2);
	assert_memory_equal(r.mx_host.data, "mx.example.net", r.mx_host.size);
	uint64_t end = r.end;
	assert_int_equal(rundbrief_journal_next(j, &r), 1);
	assert_true(r.type == RUNDBRIEF_RECORD_VOID && r.begin == end);
	assert_int_equal(rundbrief_journal_next(j, &r), 1);
	assert_int_equal(r.type, RUNDBRIEF_RECORD_OUTCOME);
	assert_true(r.suppress && r.is_final && r.code == 550 && r.enhanced_code[1] == 1);
	assert_int_equal(r.due_usec, 1700000000000001);
	assert_string_equal(r.class_name, "bad-mailbox");
	end = r.end;
	assert_int_equal(rundbrief_journal_next(j, &r), 0);
	assert_int_equal(rundbrief_journal_ending(j, &position), RUNDBRIEF_JOURNAL_TORN);
	assert_int_equal(position, end);
	rundbrief_journal_close(j);
	rundbrief_journal_close(NULL);
	remove_journal(folder);
	assert_null(rundbrief_journal_open(folder, why, sizeof(why)));
	assert_non_null(strstr(why, folder));
	assert_null(rundbrief_journal_open(folder, NULL, 0));
}

static void run_client(const char *compiler)
{
	static const char *const lines[] = {
		"Hello &lt;Ann&gt;!\n", "bad-mailbox failed 1\n", "7 marked\n", "7 undone\n",
		"8 failed bad-mailbox 5.1.1 No such user\n", "not whole\n"};
	char command[1000], line[200] = "", folder[64];
	write_journal(folder);
	snprintf(command, sizeof(command),
		 "%s -pedantic-errors -Wall -Wextra -Werror -Iinclude -c tests/public/client.c "
		 "-o "
		 "build/debug/client.o && g++ -fsanitize=address,undefined "
		 "build/debug/client.o " LINK " -o build/debug/client && build/debug/client %s",
		 compiler, folder);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_non_null(fgets(line, sizeof(line), out));
		assert_string_equal(line, lines[i]);
	}
	assert_int_equal(pclose(out), 0);
	remove_journal(folder);
}

static void test_public_headers_are_c11_and_cxx(void **)
{
	run_client("gcc -std=c11");
	run_client("g++ -x c++ -std=c++11");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public_template_renders),
		cmocka_unit_test(test_public_template_copies_its_source),
		cmocka_unit_test(test_public_template_tells_mistakes),
		cmocka_unit_test(test_public_classify),
		cmocka_unit_test(test_public_verdict_names),
		cmocka_unit_test(test_public_journal),
		cmocka_unit_test(test_public_headers_are_c11_and_cxx),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
