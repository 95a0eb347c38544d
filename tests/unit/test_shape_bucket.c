/* test_shape_bucket.c - a rate is never exceeded in any window, and never starves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/shape/bucket.h"

static const usec start_at = 1000 * USEC_SECOND;

static struct bucket bucket_of(const char *text)
{
	struct rate rate;
	struct bucket b;

	assert_true(rate_parse(str_of(text), &rate));
	bucket_init(&b, rate, start_at);
	return b;
}

static void test_bucket_spreads_an_hourly_allowance(void **)
{
	struct bucket b = bucket_of("60/h");

	assert_int_equal(bucket_room(&b, 100, start_at), 1);
	bucket_take(&b, 1, start_at);
	assert_int_equal(bucket_room(&b, 100, start_at), 0);
	assert_int_equal(bucket_next_at(&b, start_at), start_at + USEC_MINUTE);
	assert_int_equal(bucket_room(&b, 100, start_at + USEC_MINUTE - 1), 0);
	assert_int_equal(bucket_room(&b, 100, start_at + USEC_MINUTE), 1);
	/* An idle hour does not pile up. */
	assert_int_equal(bucket_room(&b, 100, start_at + USEC_HOUR), 1);
}

static void test_bucket_burst_passes_at_once(void **)
{
	struct bucket b = bucket_of("10/s, burst=5");

	assert_int_equal(bucket_room(&b, 100, start_at), 5);
	assert_int_equal(bucket_room(&b, 3, start_at), 3);
	bucket_take(&b, 5, start_at);
	assert_int_equal(bucket_room(&b, 100, start_at), 0);
	assert_int_equal(bucket_room(&b, 100, start_at + 250 * USEC_MS), 2);
	assert_int_equal(bucket_next_at(&b, start_at), start_at + 100 * USEC_MS);
}

static void test_bucket_overdraft_is_paid_back(void **)
{
	struct bucket b = bucket_of("1/s");

	bucket_take(&b, 10, start_at);
	assert_int_equal(bucket_next_at(&b, start_at), start_at + 10 * USEC_SECOND);
	bucket_take(&b, UINT32_MAX, start_at);
	bucket_take(&b, UINT32_MAX, start_at);
	assert_int_equal(bucket_room(&b, 1, start_at + USEC_DAY), 0);
}

static void test_bucket_without_limit_is_always_open(void **)
{
	struct bucket b = bucket_of("unlimited");

	bucket_take(&b, 1000000, start_at);
	assert_int_equal(bucket_room(&b, 77, start_at), 77);
	assert_int_equal(bucket_next_at(&b, start_at), start_at);
}

/* Greedy takes at random times: from any of them on, no window holds more than its share. */
static void check_windows(const char *text, uint64_t seed)
{
	enum { TAKES = 400 };
	static usec at[TAKES];
	static uint64_t sum[TAKES + 1];
	struct bucket b = bucket_of(text);
	struct prng prng;
	usec now = start_at;

	prng_init(&prng, seed);
	for (size_t i = 0; i < TAKES; i++) {
		uint32_t room = bucket_room(&b, 1 + (uint32_t)prng_below(&prng, 50), now);
		bucket_take(&b, room, now);
		at[i] = now;
		sum[i + 1] = sum[i] + room;
		usec next_at = bucket_next_at(&b, now);
		assert_true(next_at >= now);
		assert_true(bucket_room(&b, 1, next_at) == 1);
		if (next_at > now)
			assert_int_equal(bucket_room(&b, 1, next_at - 1), 0);
		now += (usec)prng_below(&prng, 3) == 0 ? next_at - now
						       : (usec)prng_below(&prng, 2000000);
	}
	for (size_t i = 0; i < TAKES; i++) {
		for (size_t j = i; j < TAKES; j++) {
			double most = (double)b.rate.burst + (double)(at[j] - at[i]) *
								     b.rate.count /
								     (double)b.rate.per;
			/* Time has no finer grain than a microsecond. */
			most += (double)b.rate.count / (double)b.rate.per;
			if ((double)(sum[j + 1] - sum[i]) > most + 1e-6)
				fail_msg("rate %s seed %lu: %lu in window %zu..%zu, most %.3f",
					 text, (unsigned long)seed,
					 (unsigned long)(sum[j + 1] - sum[i]), i, j, most);
		}
	}
}

static void test_bucket_no_window_exceeds_the_rate(void **)
{
	static const char *const rates[] = {
		"7/s",    "7/s,burst=3", "100/min,burst=20",  "300000/s",
		"1000/h", "20000/d",     "3000000/s,burst=10"};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		for (uint64_t seed = 1; seed <= 5; seed++)
			check_windows(rates[i], seed);
	}
}

static void test_bucket_reaches_the_rate(void **)
{
	struct bucket b = bucket_of("300000/s,burst=1000");
	uint64_t taken = 0;

	for (usec now = start_at; now < start_at + USEC_SECOND; now += 1000) {
		uint32_t room = bucket_room(&b, 1000, now);
		bucket_take(&b, room, now);
		taken += room;
	}
	assert_in_range(taken, 299000, 301000);
}

struct rate_row {
	const char *text;
	bool ok;
	uint32_t count;
	usec per;
	uint32_t burst;
};

static void check_rate(const struct rate_row *row, bool (*parse)(str, struct rate *))
{
	struct rate rate = {.count = 12345};
	bool ok = parse(str_of(row->text), &rate);
	if (ok != row->ok)
		fail_msg("\"%s\" parsed: %d", row->text, ok);
	if (!ok) {
		assert_int_equal(rate.count, 12345);
		return;
	}
	assert_int_equal(rate.count, row->count);
	assert_int_equal(rate.per, row->per);
	assert_int_equal(rate.burst, row->burst);
}

static void test_rate_parse_table(void **)
{
	static const struct rate_row rows[] = {
		{"100/s", true, 100, USEC_SECOND, 5},
		{"5/min", true, 5, USEC_MINUTE, 1},
		{"1000/h", true, 1000, USEC_HOUR, 1},
		{" 20000 / d , burst = 10 ", true, 20000, USEC_DAY, 10},
		{"10/S", true, 10, USEC_SECOND, 1},
		{"Unlimited", true, 0, USEC_SECOND, 1},
		{"0/s", false, 0, 0, 0},
		{"", false, 0, 0, 0},
		{"100", false, 0, 0, 0},
		{"100/", false, 0, 0, 0},
		{"/s", false, 0, 0, 0},
		{"100/fortnight", false, 0, 0, 0},
		{"-1/s", false, 0, 0, 0},
		{"100/s,", false, 0, 0, 0},
		{"100/s,burst", false, 0, 0, 0},
		{"100/s,burst=0", false, 0, 0, 0},
		{"100/s,burst=1000001", false, 0, 0, 0},
		{"100/s,bust=3", false, 0, 0, 0},
		{"4294967296/s", false, 0, 0, 0},
		{"99999999999999999999/s", false, 0, 0, 0},
		{"100kB/s", false, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_rate(&rows[i], rate_parse);
}

static void test_rate_parse_bytes_table(void **)
{
	static const struct rate_row rows[] = {
		{"500kB/s", true, 500000, USEC_SECOND, 25000},
		{"500 KB/s", true, 500000, USEC_SECOND, 25000},
		{"10MB/min", true, 10000000, USEC_MINUTE, 8333},
		{"2GB/h", true, 2000000000, USEC_HOUR, 27777},
		{"800B/d,burst=5", false, 0, 0, 0},
		{" 800B / d , burst = 2kB ", true, 800, USEC_DAY, 2000},
		{"1GB/s", true, 1000000000, USEC_SECOND, RATE_BURST_LIMIT},
		/* A third of the volume in a third of the day. */
		{"10GB/d", true, 3333333333, 8 * USEC_HOUR, 5787},
		{"10000GB/d", true, 4293688278, 37097467, RATE_BURST_LIMIT},
		{"unlimited", true, 0, USEC_SECOND, 1},
		{"10001GB/d", false, 0, 0, 0},
		{"500/s", false, 0, 0, 0},
		{"500kb/s", false, 0, 0, 0},
		{"500TB/s", false, 0, 0, 0},
		{"0kB/s", false, 0, 0, 0},
		{"kB/s", false, 0, 0, 0},
		{"B/s", false, 0, 0, 0},
		{"/s", false, 0, 0, 0},
		{"", false, 0, 0, 0},
		{"99999999999999999999B/s", false, 0, 0, 0},
		{"18446744073709551615GB/s", false, 0, 0, 0},
		{"1MB/s,burst=2MB", false, 0, 0, 0},
		{"1MB/s,burst=0B", false, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_rate(&rows[i], rate_parse_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_spreads_an_hourly_allowance),
		cmocka_unit_test(test_bucket_burst_passes_at_once),
		cmocka_unit_test(test_bucket_overdraft_is_paid_back),
		cmocka_unit_test(test_bucket_without_limit_is_always_open),
		cmocka_unit_test(test_bucket_no_window_exceeds_the_rate),
		cmocka_unit_test(test_bucket_reaches_the_rate),
		cmocka_unit_test(test_rate_parse_table),
		cmocka_unit_test(test_rate_parse_bytes_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
