/* test_smtp_reply_pattern.c - replies that mean the same are one pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/smtp/reply_pattern.h"

static void check_pattern(const char *text, const char *expected)
{
	char memory[REPLY_PATTERN_LIMIT];
	struct buf out;

	buf_init_fixed(&out, memory, sizeof(memory));
	reply_pattern_put(&out, str_of(text));
	if (!buf_ok(&out) || !str_eq(buf_str(&out), str_of(expected)))
		fail_msg("\"%s\" -> \"%.*s\"", text, STR_FORMAT(buf_str(&out)));
}

static void check_example(const char *text, const char *expected)
{
	char memory[REPLY_EXAMPLE_LIMIT];
	struct buf out;

	buf_init_fixed(&out, memory, sizeof(memory));
	reply_example_put(&out, str_of(text));
	if (!buf_ok(&out) || !str_eq(buf_str(&out), str_of(expected)))
		fail_msg("\"%s\" -> \"%.*s\"", text, STR_FORMAT(buf_str(&out)));
}

static void test_reply_pattern_leaves_out_what_varies(void **)
{
	check_pattern("", "");
	check_pattern("Glorp <ann@example.com> (4F2A11B9C0)", "glorp @ 0");
	check_pattern("glorp <bob@example.net> (91AA00B9C7)", "glorp @ 0");
	check_pattern("no: 1rTabc-000ABC-2x at 2026-05-01 12:00:05", "no 0 at 0");
	check_pattern("TSS04 from 192.0.2.1 via mx7.mail.example.com",
		      "tss04 from # via example.com");
	check_pattern("550 5.9.9 hm", "hm");
}

static void test_reply_pattern_ends_with_a_whole_word(void **)
{
	char text[1000], memory[REPLY_PATTERN_LIMIT];
	struct buf out;

	for (size_t size = 0; size < sizeof(text); size++) {
		for (size_t i = 0; i < size; i++)
			text[i] = i % 7 == 6 ? ' ' : 'x';
		buf_init_fixed(&out, memory, sizeof(memory));
		reply_pattern_put(&out, str_make(text, size));
		assert_true(buf_ok(&out));
		assert_true(out.size == 0 || out.data[out.size - 1] == 'x');
		assert_true(size < 300 || out.size > REPLY_PATTERN_LIMIT - 8);
	}
}

static void test_reply_example_names_nobody(void **)
{
	check_example("", "");
	check_example("user <ann@example.com> left", "user <@> left");
	check_example("user ann@example.com, or <\"ann lee\"@example.com>; left",
		      "user @, or <@>; left");
	check_example("a\r\nb\t\x1b[31mc\x7f", "a  b  [31mc ");
	check_example("@", "@");
}

static void test_reply_example_is_bounded_at_every_size(void **)
{
	char text[1000], memory[REPLY_EXAMPLE_LIMIT];
	struct buf out;

	for (size_t size = 0; size < sizeof(text); size++) {
		for (size_t i = 0; i < size; i++)
			text[i] = " x\x80(y@\n"[i * 31 % 7];
		buf_init_fixed(&out, memory, sizeof(memory));
		reply_example_put(&out, str_make(text, size));
		assert_true(buf_ok(&out));
		for (size_t i = 0; i < out.size; i++)
			assert_true((unsigned char)out.data[i] >= ' ');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply_pattern_leaves_out_what_varies),
		cmocka_unit_test(test_reply_pattern_ends_with_a_whole_word),
		cmocka_unit_test(test_reply_example_names_nobody),
		cmocka_unit_test(test_reply_example_is_bounded_at_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
