/* Dates against values worked out by hand and against the C library's own calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/mail/date.h"

static const char *date_of(usec wall)
{
	static char memory[64];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory) - 1);
	date_put(&out, wall);
	assert_true(buf_ok(&out));
	memory[out.size] = '\0';
	return memory;
}

static void test_date_known_days(void **)
{
	assert_string_equal(date_of(0), "Thu, 01 Jan 1970 00:00:00 +0000");
	assert_string_equal(date_of(951782400 * USEC_SECOND),
			    "Tue, 29 Feb 2000 00:00:00 +0000");
	assert_string_equal(date_of(4107542400 * USEC_SECOND),
			    "Mon, 01 Mar 2100 00:00:00 +0000");
	assert_string_equal(date_of(1785363392 * USEC_SECOND + 999999),
			    "Wed, 29 Jul 2026 22:16:32 +0000");
}

static void test_date_stays_inside_its_years(void **)
{
	assert_string_equal(date_of(-1), "Thu, 01 Jan 1970 00:00:00 +0000");
	assert_string_equal(date_of(USEC_NEVER), "Fri, 31 Dec 9999 23:59:59 +0000");
}

static void test_date_agrees_with_the_c_library(void **)
{
	struct prng chance;
	prng_init(&chance, 1);
	for (int i = 0; i < 20000; i++) {
		time_t seconds = (time_t)prng_below(&chance, UINT64_C(253402300800));
		struct tm parts;
		char expected[64];
		assert_non_null(gmtime_r(&seconds, &parts));
		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S +0000", &parts);
		assert_string_equal(date_of(seconds * USEC_SECOND), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_date_known_days),
		cmocka_unit_test(test_date_stays_inside_its_years),
		cmocka_unit_test(test_date_agrees_with_the_c_library),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
