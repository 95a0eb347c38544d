/* The public interface: what it does, and that a stranger's program builds against it as C11
 * and as C++, links and runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rundbrief/classify.h>
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

static void run_client(const char *compiler)
{
	char command[1000], line[200] = "";
	snprintf(command, sizeof(command),
		 "%s -pedantic-errors -Wall -Wextra -Werror -Iinclude -c tests/public/client.c "
		 "-o "
		 "build/debug/client.o && g++ -fsanitize=address,undefined "
		 "build/debug/client.o " LINK " -o build/debug/client && build/debug/client",
		 compiler);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_string_equal(line, "Hello &lt;Ann&gt;!\n");
	assert_non_null(fgets(line, sizeof(line), out));
	assert_string_equal(line, "bad-mailbox failed 1\n");
	assert_int_equal(pclose(out), 0);
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
		cmocka_unit_test(test_public_headers_are_c11_and_cxx),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
