/* test_api_rows.c - what others wrote is harmless as JSON, as CSV and on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/api/date_option.h"
#include "engine/api/email.h"
#include "engine/api/rows.h"
#include "engine/api/template_error.h"
#include <jansson.h>

static char memory[1 << 16];
static struct buf out;

static void begin(void)
{
	buf_init_fixed(&out, memory, sizeof(memory));
}

static void expect(const char *text)
{
	assert_true(buf_ok(&out));
	assert_int_equal(out.size, strlen(text));
	assert_memory_equal(out.data, text, out.size);
}

static void test_rows_json_takes_every_byte(void **)
{
	for (int first = 0; first < 256; first++) {
		for (int second = 0; second < 256; second += 7) {
			char text[3] = {(char)first, (char)second, 'x'};
			json_error_t error;
			begin();
			json_put_string(&out, str_make(text, 3));
			json_t *json = json_loadb(out.data, out.size,
						  JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
			assert_non_null(json);
			json_decref(json);
		}
	}
}

static void test_rows_json_keeps_good_utf8(void **)
{
	begin();
	json_put_string(&out, STR("a\"\\\n\xC3\xA9\xF0\x9F\x99\x82\xC3"));
	expect("\"a\\\"\\\\\\n\xC3\xA9\xF0\x9F\x99\x82\\ufffd\"");
}

/* Overlong forms, surrogates and what lies above U+10FFFF are no UTF-8 (RFC 3629 3). */
static void test_rows_json_refuses_bad_utf8(void **)
{
	static const char *const bad[] = {
		"\xC0\x80",         "\xE0\x80\x80",         "\xED\xA0\x80",
		"\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\x80"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin();
		json_put_string(&out, str_of(bad[i]));
		assert_true(str_starts(buf_str(&out), STR("\"\\ufffd")));
	}
}

static void test_rows_csv_is_quoted_and_no_formula(void **)
{
	static const struct {
		const char *text, *cell;
	} cases[] = {
		{"plain", "plain"},
		{"a,b", "\"a,b\""},
		{"say \"hi\"", "\"say \"\"hi\"\"\""},
		{"two\nlines", "\"two\nlines\""},
		{"=1+1", "'=1+1"},
		{"@sum(a)", "'@sum(a)"},
		{"\x1b[31m", " [31m"},
		{"", ""},
		{"=a,b", "\"'=a,b\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		csv_put_cell(&out, str_of(cases[i].text));
		expect(cases[i].cell);
	}
}

static void test_rows_terminal_gets_no_controls(void **)
{
	begin();
	text_put_printable(&out, STR("a\x1b[31m\r\n\xC2\x9B\xC3\xA9\xFF"), 100);
	expect("a\\x1b[31m\\x0d \\xc2\\x9b\xC3\xA9\\xff");
	begin();
	text_put_printable(&out, STR("0123456789"), 4);
	expect("0123...");
}

static void test_rows_terminal_keeps_its_direction(void **)
{
	begin();
	text_put_printable(&out, STR("a\xE2\x80\xAE z\xE2\x81\xA6\xE2\x80\xA8\xE2\x80\x93"),
			   100);
	expect("a\\xe2\\x80\\xae z\\xe2\\x81\\xa6\\xe2\\x80\\xa8\xE2\x80\x93");
}

static void test_rows_terminal_lines_stay_lines(void **)
{
	begin();
	text_put_printable_lines(&out, STR("a\x1b[2J\r\n\tb\rc\n\nd"));
	expect("a\\x1b[2J\n\tb\\x0dc\n\nd");
}

static void test_rows_shell_word_is_one_word(void **)
{
	begin();
	text_put_shell_word(&out, STR("fr\xC3\xBChling"));
	buf_put_byte(&out, ' ');
	text_put_shell_word(&out, STR("it's"));
	buf_put_byte(&out, ' ');
	text_put_shell_word(&out, STR("spring-2"));
	expect("'fr\xC3\xBChling' 'it'\\''s' spring-2");
}

static void test_rows_fit_counts_letters(void **)
{
	assert_true(str_eq(text_fit(STR("fr\xC3\xBChling"), 3), STR("fr\xC3\xBC")));
	assert_true(str_eq(text_fit(STR("abc"), 3), STR("abc")));
	assert_true(str_eq(text_fit(STR("abc"), 0), STR("")));
}

static void test_date_option_reads_what_people_write(void **)
{
	static const char *const good[] = {"2026-03-01T08:00:00Z", "2026-03-01T08:00:00",
					   "2026-03-01 08:00:00", "2026-03-01 08:00",
					   "1772352000"};
	static const char *const bad[] = {"", "tomorrow", "2026-13-01", "2026-03-01T08:00:00Zx",
					  "99999999999999999"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		usec wall = 0;
		assert_true(date_option(good[i], &wall));
		assert_int_equal(wall, 1772352000 * USEC_SECOND);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		usec wall;
		assert_false(date_option(bad[i], &wall));
	}
}

static void test_email_key_brings_spellings_together(void **)
{
	struct arena arena;
	const char *why;
	arena_init_fixed(&arena, memory, sizeof(memory));
	assert_true(str_eq(email_key(&arena,
				     STR(" Ann@B\xC3\xBC"
					 "cher.Example "),
				     &why),
			   STR("ann@xn--bcher-kva.example")));
	assert_null(email_key(&arena, STR("nobody"), &why).data);
	assert_string_equal(why, "no @ sign");
}

static void test_template_error_points_at_the_column(void **)
{
	struct liquid_error error = {.file = STR("body.html"), .line = 3, .column = 5};
	strcpy(error.message, "unknown filter");
	strcpy(error.excerpt, "<p>{{ a | b }}");
	error.caret = error.column;
	begin();
	template_error_format(&error, &out);
	expect("body.html:3:5: unknown filter\n    <p>{{ a | b }}\n        ^\n");
	error.column = 500;
	error.caret = 0;
	begin();
	template_error_format(&error, &out);
	expect("body.html:3:500: unknown filter\n    <p>{{ a | b }}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_json_takes_every_byte),
		cmocka_unit_test(test_rows_json_keeps_good_utf8),
		cmocka_unit_test(test_rows_json_refuses_bad_utf8),
		cmocka_unit_test(test_rows_csv_is_quoted_and_no_formula),
		cmocka_unit_test(test_rows_terminal_gets_no_controls),
		cmocka_unit_test(test_rows_terminal_keeps_its_direction),
		cmocka_unit_test(test_rows_terminal_lines_stay_lines),
		cmocka_unit_test(test_rows_shell_word_is_one_word),
		cmocka_unit_test(test_rows_fit_counts_letters),
		cmocka_unit_test(test_date_option_reads_what_people_write),
		cmocka_unit_test(test_email_key_brings_spellings_together),
		cmocka_unit_test(test_template_error_points_at_the_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
