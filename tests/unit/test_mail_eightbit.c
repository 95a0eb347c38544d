/* Text in 8 bits: line ends, characters, and which parts may not leave like that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/mail/eightbit.h"
#include "tests/golden/invariants.h"

static char memory[1 << 14];

static void assert_text(str text, str expected)
{
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	eightbit_put(&out, text);
	if (!str_eq(buf_str(&out), expected))
		fail_msg("%.*s instead of %.*s", STR_FORMAT(buf_str(&out)),
			 STR_FORMAT(expected));
}

static void test_mail_eightbit_ends_lines_in_crlf(void **)
{
	assert_text(STR("a\nb\rc\r\nd\n\n\r\r\n"), STR("a\r\nb\r\nc\r\nd\r\n\r\n\r\n\r\n"));
	assert_text(STR("\n.\n"), STR("\r\n.\r\n"));
}

static void test_mail_eightbit_keeps_characters_and_replaces_the_rest(void **)
{
	assert_text(STR("K\xC3\xB6ln \xF0\x9F\x8D\x8F\t."),
		    STR("K\xC3\xB6ln \xF0\x9F\x8D\x8F\t."));
	assert_text(STR("a\xC3 \xFF\0b\xE2\x82"), STR("a\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD"
						      "b\xEF\xBF\xBD\xEF\xBF\xBD"));
}

static void test_mail_eightbit_says_what_may_leave(void **)
{
	char line[1200];
	memset(line, 'x', sizeof(line));
	memcpy(line + 998, "\r\n", 2);
	assert_true(eightbit_fits(str_make(line, 1000)));
	assert_true(eightbit_fits(str_make(line, 998)));
	memcpy(line + 998, "x\r\n", 3);
	assert_false(eightbit_fits(str_make(line, 1001)));
	assert_false(eightbit_fits(str_make(line, 1000)));
	assert_true(eightbit_fits(STR("a --=_x\r\n--\r\n")));
	assert_false(eightbit_fits(STR("a\r\n--=_x\r\n")));
	assert_false(eightbit_fits(STR("--=_029a--")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_eightbit_ends_lines_in_crlf),
		cmocka_unit_test(test_mail_eightbit_keeps_characters_and_replaces_the_rest),
		cmocka_unit_test(test_mail_eightbit_says_what_may_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
