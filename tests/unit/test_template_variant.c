/* test_template_variant.c - the split of an audience: even, the same for all time, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "templates/variant.h"

static struct variant_split split_of(const char *shares, uint64_t hold_out)
{
	struct variant_split split;
	assert_true(variant_split_parse(str_of(shares), hold_out, &split));
	return split;
}

/* A campaign under way asks again tomorrow, with another version of the program. */
static void test_template_variant_buckets_never_change(void **)
{
	static const struct {
		uint64_t campaign, subscriber;
		uint32_t bucket;
	} vectors[] = {{1, 1, 2688},
		       {1, 2, 3909},
		       {2, 1, 3823},
		       {7, 123456, 5064},
		       {4711, 9999999, 8503},
		       {1, 4294967296, 2297},
		       {4294967297, 1, 6656},
		       {1099511627775, 1099511627775, 5049},
		       {0, 0, 463}};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal(variant_bucket(vectors[i].campaign, vectors[i].subscriber),
				 vectors[i].bucket);
}

/* Buckets of ids that follow each other, as an import gives them, and of some that are spread:
 * chi-square over a hundred classes, for 99 degrees of freedom below 181 (p = 0.000001) each.
 * The ids are fixed, so the test is not one of luck. */
static void test_template_variant_split_is_even(void **)
{
	static const uint64_t steps[] = {1, 2, 7, 10, 1000, 65536};
	for (uint64_t campaign = 1; campaign <= 20; campaign++) {
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			uint32_t counts[100] = {};
			double chi_square = 0;
			for (uint64_t i = 1; i <= 20000; i++)
				counts[variant_bucket(campaign, i * steps[s]) / 100]++;
			for (size_t k = 0; k < 100; k++)
				chi_square += (counts[k] - 200.0) * (counts[k] - 200.0) / 200;
			if (chi_square > 181)
				fail_msg("campaign %llu step %llu: chi-square %.1f",
					 (unsigned long long)campaign,
					 (unsigned long long)steps[s], chi_square);
		}
	}
}

/* Who got b in one campaign gets b in the next as often as anybody. */
static void test_template_variant_campaigns_are_independent(void **)
{
	const struct variant_split half = split_of("{5000,5000}", 0);
	for (uint64_t campaign = 1; campaign <= 50; campaign++) {
		int both = 0;
		for (uint64_t id = 1; id <= 20000; id++)
			both += variant_of(&half, campaign, id) == 2 &&
				variant_of(&half, campaign + 1, id) == 2;
		/* 5,000 and six standard deviations of 61. */
		assert_in_range(both, 4633, 5367);
	}
}

static void test_template_variant_shares_are_kept(void **)
{
	const struct variant_split split = split_of("{1000,1000}", 500);
	int counts[4] = {}; /* held out, the rest, a, b */
	for (uint64_t id = 1; id <= 100000; id++)
		counts[variant_of(&split, 3, id) + 1]++;
	assert_in_range(counts[0], 4650, 5350);
	assert_in_range(counts[1], 74300, 75700);
	assert_in_range(counts[2], 9500, 10500);
	assert_in_range(counts[3], 9500, 10500);
	assert_int_equal(variant_rest(&split), 7500);
}

static void test_template_variant_without_variants_is_the_letter(void **)
{
	const struct variant_split none = split_of("{}", 0);
	for (uint64_t id = 1; id <= 1000; id++)
		assert_int_equal(variant_of(&none, 1, id), 1);
	assert_int_equal(variant_rest(&none), 0);
}

static void test_template_variant_edges_of_shares_belong_to_one(void **)
{
	/* Every bucket on its own: ends of shares are neither lost nor given twice. */
	const struct variant_split split = split_of("{1,9998}", 1);
	bool seen[3] = {};
	for (uint64_t id = 1; id <= 200000; id++) {
		uint32_t bucket = variant_bucket(1, id);
		int variant = variant_of(&split, 1, id);
		assert_int_equal(variant, bucket == 0      ? 1
					  : bucket == 9999 ? VARIANT_HELD_OUT
							   : 2);
		seen[variant == VARIANT_HELD_OUT ? 0 : variant] = true;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
}

static void test_template_variant_refuses_shares_that_are_none(void **)
{
	static const char *const bad[] = {
		"",        "{",           "}",      "{1",    "1}",
		"{a}",     "{1,}",        "{,1}",   "{-1}",  "{1 }",
		"{10001}", "{5000,5001}", "{1,,2}", "{{1}}", "{99999999999999999999}"};
	char many[100] = "{1";
	struct variant_split split;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (variant_split_parse(str_of(bad[i]), 0, &split))
			fail_msg("%s was taken", bad[i]);
	assert_false(variant_split_parse(STR("{5000}"), 5001, &split));
	assert_false(variant_split_parse(STR("{}"), 10001, &split));
	for (int i = 1; i < 26; i++)
		strcat(many, ",1");
	strcat(many, "}");
	assert_int_equal(split_of(many, 0).count, 26);
	many[strlen(many) - 1] = '\0';
	strcat(many, ",1}");
	assert_false(variant_split_parse(str_of(many), 0, &split));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template_variant_buckets_never_change),
		cmocka_unit_test(test_template_variant_split_is_even),
		cmocka_unit_test(test_template_variant_campaigns_are_independent),
		cmocka_unit_test(test_template_variant_shares_are_kept),
		cmocka_unit_test(test_template_variant_without_variants_is_the_letter),
		cmocka_unit_test(test_template_variant_edges_of_shares_belong_to_one),
		cmocka_unit_test(test_template_variant_refuses_shares_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
