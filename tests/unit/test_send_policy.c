/* test_send_policy.c - a campaign's rules about itself, out of its settings. */
#include "tests/unit/cmocka_all.h"

#include "engine/data/json_value.h"
#include "engine/io/heap.h"
#include "engine/send/policy.h"

static struct policy read_policy(const char *json, bool urgent)
{
	static struct arena arena;
	static bool there;
	struct value settings;
	struct policy policy;
	if (!there)
		arena_init(&arena, heap_source(), 0, 0);
	there = true;
	arena_reset(&arena);
	assert_int_equal(value_from_json_text(&arena, str_of(json), &settings, NULL, 0), 0);
	policy_read(&settings, urgent, &policy);
	return policy;
}

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

static void test_policy_without_keys_is_the_default(void **)
{
	struct policy p = read_policy("{}", false);
	assert_true(p.ramp && !p.windowed && !p.spread && p.zone.size == 0);
	assert_int_equal(p.in_doubt_wait, 0);
	assert_memory_equal(&p.sample, &ramp_rules_default, sizeof(p.sample));
	assert_memory_equal(&p.breaker, &breaker_rules_default, sizeof(p.breaker));
}

static void test_policy_of_transactional_mail_has_no_sample_and_no_window(void **)
{
	struct policy p = read_policy("{\"ramp\": true, \"window\": {\"spread\": true}}", true);
	assert_true(!p.ramp && !p.windowed && !p.spread);
}

static void test_policy_sample_is_a_count_or_a_share(void **)
{
	struct policy p = read_policy("{\"sample\": 250}", false);
	assert_int_equal(p.sample.count_min, 250);
	assert_true(near(p.sample.share, 0.0));
	p = read_policy("{\"sample\": \"2.5%\"}", false);
	assert_true(near(p.sample.share, 0.025));
	assert_int_equal(p.sample.count_min, 1000);
	static const char *const none[] = {"\"%\"",     "\"x%\"", "\"101%\"", "\"1\"", "-5",
					   "\"1..2%\"", "true",   "\".5%\"",  "\"\"",  "1e300"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		char json[60];
		snprintf(json, sizeof(json), "{\"sample\": %s}", none[i]);
		p = read_policy(json, false);
		assert_memory_equal(&p.sample, &ramp_rules_default, sizeof(p.sample));
	}
	assert_false(read_policy("{\"ramp\": false}", false).ramp);
}

static void test_policy_breaker_takes_shares(void **)
{
	struct policy p =
		read_policy("{\"breaker\": {\"hard\": 0.1, \"blocks\": 1, \"complaints\": "
			    "0.005, \"complaints_alarm\": 7, \"least\": 50}}",
			    false);
	assert_true(near(p.breaker.hard_share, 0.1) && near(p.breaker.block_share, 1.0));
	assert_true(near(p.breaker.complaint_share, 0.005));
	assert_true(near(p.breaker.complaint_alarm, breaker_rules_default.complaint_alarm));
	assert_int_equal(p.breaker.attempted_min, 50);
	assert_int_equal(p.breaker.answered_min, 50);
	assert_int_equal(p.breaker.delivered_min, 50);
	p = read_policy("{\"breaker\": [1]}", false);
	assert_memory_equal(&p.breaker, &breaker_rules_default, sizeof(p.breaker));
}

static void test_policy_window_names_zone_and_spread(void **)
{
	struct policy p = read_policy("{\"window\": {\"from\": \"08:00\", \"spread\": true}, "
				      "\"in_doubt_wait_seconds\": 3600}",
				      false);
	assert_true(p.windowed && p.spread && p.zone.size == 0);
	assert_int_equal(p.in_doubt_wait, USEC_HOUR);
	/* Where each one has his own hours there is no rate for all. */
	p = read_policy("{\"window\": {\"recipient_zone\": \"tz\", \"spread\": true}}", false);
	assert_true(p.windowed && !p.spread && str_eq(p.zone, STR("tz")));
	assert_false(read_policy("{\"window\": null}", false).windowed);
	assert_int_equal(read_policy("{\"in_doubt_wait_seconds\": -1}", false).in_doubt_wait,
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_without_keys_is_the_default),
		cmocka_unit_test(test_policy_of_transactional_mail_has_no_sample_and_no_window),
		cmocka_unit_test(test_policy_sample_is_a_count_or_a_share),
		cmocka_unit_test(test_policy_breaker_takes_shares),
		cmocka_unit_test(test_policy_window_names_zone_and_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
