/* test_api_units.c - rates as people read them, and that what is read is what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/api/units.h"
#include "engine/shape/bucket.h"

static void check(const char *text, const char *expected, bool bytes)
{
	char memory[64];
	struct buf out;
	struct rate rate, again;
	buf_init_fixed(&out, memory, sizeof(memory));
	assert_true((bytes ? rate_parse_bytes : rate_parse)(str_of(text), &rate));
	buf_put_cstr(&out, "x "); /* what stands before is left alone */
	rate_format(&out, &rate, bytes);
	assert_true(buf_ok(&out));
	str shown = str_from(buf_str(&out), 2);
	if (!str_eq(shown, str_of(expected)))
		fail_msg("\"%s\" is shown as \"%.*s\", not \"%s\"", text, STR_FORMAT(shown),
			 expected);
	assert_true((bytes ? rate_parse_bytes : rate_parse)(shown, &again));
	assert_int_equal(again.burst, rate.burst);
}

static void test_units_rates_are_shown_as_they_are_written(void **)
{
	check("100/s", "100/s", false);
	check("100/sec,burst=5", "100/s", false); /* the burst it has anyway */
	check("100/s,burst=7", "100/s,burst=7", false);
	check("5/minute", "5/min", false);
	check(" 1000 / h ", "1000/h", false);
	check("20000/d,burst=10", "20000/d,burst=10", false);
	check("unlimited", "unlimited", false);
}

static void test_units_byte_rates_are_shown_in_the_largest_unit(void **)
{
	check("500kB/s", "500kB/s", true);
	check("5000kB/min", "5MB/min", true);
	check("2GB/h,burst=200kB", "2GB/h,burst=200kB", true);
	check("1500B/s", "1500B/s", true);
	check("10GB/d", "115740B/s",
	      true); /* kept as a third of the day's in a third of the day */
	check("unlimited", "unlimited", true);
}

static void test_units_rates_end_where_there_is_no_room(void **)
{
	const struct rate rate = {.count = 100, .per = USEC_SECOND, .burst = 7};
	char memory[16];
	struct buf out;
	for (size_t size = 0; size < sizeof("100/s,burst=7") - 1; size++) {
		buf_init_fixed(&out, memory, size);
		rate_format(&out, &rate, false);
		assert_false(buf_ok(&out));
	}
}

static void test_units_shares_and_samples_say_what_they_mean(void **)
{
	static const char *const bad[] = {
		"5",    "0%",   "%",   ".5%", "5.%%", "-5%", "101%",   "1e1%",
		"0x5%", "inf%", "5 %", "",    "nan%", "+5%", "1.2.3%", "0.00000000001%"};
	double share = 7;
	uint64_t count = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(share_parse(str_of(bad[i]), &share));
	assert_float_equal(share, 7, 0);
	assert_true(share_parse(STR("0.3%"), &share));
	assert_float_equal(share, 0.003, 1e-12);
	assert_true(share_parse(STR("100%"), &share));
	assert_float_equal(share, 1, 0);
	assert_false(sample_parse(STR("0"), &count));
	assert_false(sample_parse(STR("ten"), &count));
	assert_int_equal(count, 7);
	assert_true(sample_parse(STR("5%"), &count));
	assert_int_equal(count, 0);
	assert_true(sample_parse(STR("1200"), &count));
	assert_int_equal(count, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_rates_are_shown_as_they_are_written),
		cmocka_unit_test(test_units_byte_rates_are_shown_in_the_largest_unit),
		cmocka_unit_test(test_units_rates_end_where_there_is_no_room),
		cmocka_unit_test(test_units_shares_and_samples_say_what_they_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
