/* test_shape_pace.c - a hidden limit is found, kept to, and looked beyond seldom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/shape/pace.h"

static const usec t0 = 1000 * USEC_SECOND;
static const uint32_t per_second = 3600;

/* Deliveries at the allowed pace for a time; returns when they ended. */
static usec deliver(struct pace *p, usec time, usec now)
{
	for (usec end = now + time; now < end;) {
		uint32_t rate = p->per_hour ? p->per_hour : p->limit;
		(void)!pace_delivered(p, now += USEC_HOUR / rate);
	}
	return now;
}

static void test_pace_starts_at_a_sixteenth_and_doubles(void **)
{
	struct pace p;

	pace_init(&p, 160 * per_second, t0);
	assert_int_equal(p.per_hour, 10 * per_second);
	usec now = deliver(&p, 3 * USEC_SECOND, t0);
	assert_int_equal(p.per_hour, 20 * per_second);
	deliver(&p, 15 * USEC_SECOND, now);
	assert_int_equal(p.per_hour, 0); /* all that the limit allows */
}

static void test_pace_starts_no_slower_than_two_a_second(void **)
{
	struct pace p;

	pace_init(&p, 10 * per_second, t0);
	assert_int_equal(p.per_hour, 2 * per_second);
	pace_init(&p, per_second, t0);
	assert_int_equal(p.per_hour, 0);
}

static void test_pace_lifted_begins_anew(void **)
{
	struct pace p;

	pace_init(&p, 100 * per_second, t0);
	p.per_hour = PACE_LEAST; /* after a long trouble */
	p.ceiling = 2 * PACE_LEAST;
	pace_lift(&p, t0 + USEC_HOUR);
	assert_in_range(p.per_hour, 2 * per_second, 10 * per_second);
	assert_int_equal(p.ceiling, 0);
}

static void test_pace_unlimited_is_held_by_the_first_throttle_only(void **)
{
	struct pace p;
	usec now = t0;

	pace_init(&p, 0, t0);
	for (int i = 0; i < 1000; i++)
		assert_false(pace_delivered(&p, now += 10 * USEC_MS));
	assert_int_equal(p.per_hour, 0);
	assert_true(pace_throttled(&p, now));
	assert_in_range(p.per_hour, 90 * per_second, 95 * per_second);
}

static void test_pace_goes_below_what_was_taken(void **)
{
	struct pace p;
	usec now = t0;

	pace_init(&p, 1600 * per_second, t0); /* begins at 100/s, of which 2/s are taken */
	for (int i = 0; i < 100; i++)
		(void)!pace_delivered(&p, now += USEC_SECOND / 2);
	assert_true(pace_throttled(&p, now));
	assert_in_range(p.per_hour, 180 * per_second / 100, 2 * per_second);
	assert_in_range(p.ceiling, 2 * per_second, 100 * per_second);
	assert_false(pace_throttled(&p, now + PACE_CUT_EVERY - 1));
}

static void test_pace_climbs_to_the_ceiling_and_waits_there(void **)
{
	struct pace p;

	pace_init(&p, 1000 * per_second, t0);
	usec now = deliver(&p, 12 * USEC_SECOND, t0);
	assert_true(pace_throttled(&p, now));
	uint32_t ceiling = p.ceiling;
	now = deliver(&p, 3 * USEC_MINUTE, now);
	assert_in_range(p.per_hour, ceiling * 97 / 100, ceiling);
	uint32_t stay = p.per_hour;
	now = deliver(&p, USEC_MINUTE, now);
	assert_int_equal(p.per_hour, stay);
	deliver(&p, 5 * USEC_MINUTE, now);
	assert_true(p.per_hour > stay); /* a look beyond */
}

static void test_pace_looks_that_fail_become_rare(void **)
{
	struct pace p;
	usec now = t0;

	pace_init(&p, 1000 * per_second, t0);
	now = deliver(&p, 12 * USEC_SECOND, now);
	assert_true(pace_throttled(&p, now));
	usec every = p.look_every;
	for (int i = 0; i < 4; i++) {
		uint32_t ceiling = p.ceiling;
		while (p.ceiling <= ceiling)
			now = deliver(&p, USEC_SECOND, now);
		assert_true(pace_throttled(&p, now));
		assert_true(p.look_every == usec_min(2 * every, USEC_HOUR));
		every = p.look_every;
	}
}

static void test_pace_an_hour_of_idleness_is_no_measure(void **)
{
	struct pace p;

	pace_init(&p, 100 * per_second, t0);
	usec now = deliver(&p, 20 * USEC_SECOND, t0);
	now += USEC_HOUR;
	now = deliver(&p, 20 * USEC_SECOND, now);
	assert_true(pace_throttled(&p, now));
	assert_true(p.per_hour > 10 * per_second);
}

static void test_pace_learns_an_hourly_quota_from_two_of_its_ends(void **)
{
	struct pace p;
	usec now = t0;

	pace_init(&p, 100 * per_second, t0);
	for (int hour = 0; hour < 3; hour++) {
		usec next = now + USEC_HOUR;
		for (int i = 0; i < 600; i++)
			(void)!pace_delivered(&p, now += USEC_HOUR /
							 (p.per_hour ? p.per_hour : p.limit));
		if (now >= next)
			break;
		(void)!pace_throttled(&p, now);
		pace_blocked(&p, next, now);
		now = next;
	}
	assert_in_range(p.per_hour, 510, 640);
}

static void test_pace_a_reload_keeps_what_was_learned(void **)
{
	struct pace p;

	pace_init(&p, 100 * per_second, t0);
	usec now = deliver(&p, 10 * USEC_SECOND, t0);
	assert_true(pace_throttled(&p, now));
	uint32_t learned = p.per_hour;
	pace_set_limit(&p, 200 * per_second, now);
	assert_int_equal(p.per_hour, learned);
	pace_set_limit(&p, per_second, now);
	assert_int_equal(p.per_hour, 0); /* the limit alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace_starts_at_a_sixteenth_and_doubles),
		cmocka_unit_test(test_pace_starts_no_slower_than_two_a_second),
		cmocka_unit_test(test_pace_lifted_begins_anew),
		cmocka_unit_test(test_pace_unlimited_is_held_by_the_first_throttle_only),
		cmocka_unit_test(test_pace_goes_below_what_was_taken),
		cmocka_unit_test(test_pace_climbs_to_the_ceiling_and_waits_there),
		cmocka_unit_test(test_pace_looks_that_fail_become_rare),
		cmocka_unit_test(test_pace_an_hour_of_idleness_is_no_measure),
		cmocka_unit_test(test_pace_learns_an_hourly_quota_from_two_of_its_ends),
		cmocka_unit_test(test_pace_a_reload_keeps_what_was_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
