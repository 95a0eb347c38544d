/* base64 from outside: what is read, what is refused, and that all bytes come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/mail/base64.h"
#include "engine/mail/encode.h"
#include "tests/golden/invariants.h"

static char memory[1 << 14];

static bool decode(str text, str *ret_bytes)
{
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	bool ok = base64_decode(&out, text);
	*ret_bytes = buf_str(&out);
	return ok;
}

static void test_mail_base64_reads_what_is_written(void **)
{
	struct prng prng;
	prng_init(&prng, 1);
	for (size_t size = 0; size < 500; size++) {
		char bytes[500], text[1000];
		struct buf lines;
		str got;
		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)prng_below(&prng, 256);
		buf_init_fixed(&lines, text, sizeof(text));
		base64_put_lines(&lines, str_make(bytes, size));
		assert_true(decode(buf_str(&lines), &got));
		assert_true(str_eq(got, str_make(bytes, size)));
	}
}

static void test_mail_base64_refuses_what_is_none(void **)
{
	static const char *const bad[] = {"A",    "AA",       "AAA",  "A===",    "AAAA=",
					  "AA=A", "AA==AAAA", "AAB=", "AAAB*",   "-_AA",
					  "AB==", "=AAA",     "AA=",  "\x80QQQ", "AA==="};
	str got;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (decode(str_of(bad[i]), &got))
			fail_msg("%s was read", bad[i]);
}

static void test_mail_base64_passes_over_white_space(void **)
{
	str got;
	assert_true(decode(STR(" QU\r\nJ D\tRA=\n=\r\n"), &got));
	assert_true(str_eq(got, STR("ABCD")));
	assert_true(decode(STR("\n"), &got) && got.size == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_base64_reads_what_is_written),
		cmocka_unit_test(test_mail_base64_refuses_what_is_none),
		cmocka_unit_test(test_mail_base64_passes_over_white_space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
