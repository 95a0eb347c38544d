/* test_shape_backoff.c - intervals grow, stay in bounds, and keep the server's wishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/shape/backoff.h"

static struct classification of_class(enum bounce_class class)
{
	return (struct classification){
		.class = class, .verdict = VERDICT_DEFERRED, .cause = "test"};
}

static void test_backoff_doubles_to_last_and_remembers(void **)
{
	struct backoff b;

	backoff_init(&b, 10, 75);
	assert_int_equal(backoff_fail(&b), 10);
	assert_int_equal(backoff_fail(&b), 20);
	assert_int_equal(backoff_fail(&b), 40);
	assert_int_equal(backoff_fail(&b), 75);
	assert_int_equal(backoff_fail(&b), 75);
	backoff_succeed(&b); /* level 5 -> 2 */
	assert_int_equal(backoff_fail(&b), 40);
	for (int i = 0; i < 1000; i++)
		assert_true(backoff_fail(&b) <= 75);
	for (int i = 0; i < 10; i++)
		backoff_succeed(&b);
	assert_int_equal(backoff_fail(&b), 10);
}

/* The least and the greatest of many draws. */
static void range_of(const struct retry_schedule *s, const struct classification *c,
		     uint32_t attempts, usec *ret_least, usec *ret_most)
{
	struct prng prng;
	usec least = USEC_NEVER, most = 0;

	prng_init(&prng, 42);
	for (int i = 0; i < 2000; i++) {
		usec at = retry_next_at(s, c, attempts, 0, 1000, &prng);
		least = usec_min(least, at - 1000);
		most = usec_max(most, at - 1000);
	}
	*ret_least = least;
	*ret_most = most;
}

static void test_retry_grows_with_jitter(void **)
{
	struct classification c = of_class(CLASS_REMOTE_FAILURE);
	usec interval = 15 * USEC_MINUTE;

	for (uint32_t attempts = 1; attempts <= 6; attempts++) {
		usec least, most;
		range_of(&retry_schedule_default, &c, attempts, &least, &most);
		assert_in_range(least, interval * 8 / 10, interval * 82 / 100);
		assert_in_range(most, interval * 118 / 100, interval * 12 / 10);
		interval = usec_min(interval * 2, 4 * USEC_HOUR);
	}
}

static void test_retry_greylisted_never_before_five_minutes(void **)
{
	struct classification c = of_class(CLASS_GREYLISTED);
	usec least, most;

	range_of(&retry_schedule_default, &c, 1, &least, &most);
	assert_true(least >= 5 * USEC_MINUTE);
	assert_true(most <= 6 * USEC_MINUTE);
	range_of(&retry_schedule_default, &c, 2, &least, &most);
	assert_true(least >= 8 * USEC_MINUTE && most <= 12 * USEC_MINUTE);
}

static void test_retry_honours_the_wait_asked_for(void **)
{
	struct classification c = of_class(CLASS_GREYLISTED);
	usec least, most;

	c.wait = 20 * USEC_MINUTE;
	range_of(&retry_schedule_default, &c, 1, &least, &most);
	assert_true(least >= 20 * USEC_MINUTE && most <= 24 * USEC_MINUTE);
	c.wait = 10 * USEC_SECOND; /* shorter than our own: ours holds */
	range_of(&retry_schedule_default, &c, 1, &least, &most);
	assert_true(least >= 5 * USEC_MINUTE);
}

static void test_retry_full_mailboxes_are_tried_hours_apart(void **)
{
	struct classification full = of_class(CLASS_MAILBOX_FULL);
	struct classification blocked = of_class(CLASS_REPUTATION);
	usec least, most;

	range_of(&retry_schedule_default, &full, 1, &least, &most);
	assert_true(least >= 3 * USEC_HOUR);
	range_of(&retry_schedule_default, &blocked, 1, &least, &most);
	assert_true(least >= 48 * USEC_MINUTE && most <= 72 * USEC_MINUTE);
}

static void test_retry_schedule_of_seconds_stays_one(void **)
{
	struct retry_schedule s = retry_schedule_default;
	s.first = s.last = s.greylist_first = 2 * USEC_SECOND;

	for (enum bounce_class class = 0; class < CLASS_COUNT; class ++) {
		struct classification c = of_class(class);
		usec least, most;
		range_of(&s, &c, 3, &least, &most);
		assert_true(least > USEC_SECOND && most < 5 * USEC_SECOND);
	}
}

static void test_retry_expires(void **)
{
	const struct retry_schedule *s = &retry_schedule_default;
	struct classification c = of_class(CLASS_REMOTE_FAILURE);
	struct prng prng;
	usec born = 5 * USEC_DAY, now = born;
	uint32_t attempts = 1;

	prng_init(&prng, 7);
	for (;; attempts++) {
		usec at = retry_next_at(s, &c, attempts, born, now, &prng);
		if (at == USEC_NEVER)
			break;
		assert_true(at > now && at <= born + s->expiry);
		now = at;
	}
	assert_in_range(attempts, 10, 25);
	assert_true(retry_next_at(s, &c, 1, born, born + s->expiry + 1, &prng) == USEC_NEVER);
}

static void test_retry_limit_of_a_class_ends_it(void **)
{
	struct classification c = of_class(CLASS_REMOTE_FAILURE);
	struct prng prng;

	prng_init(&prng, 7);
	c.retry_limit = 2;
	assert_true(retry_next_at(&retry_schedule_default, &c, 1, 0, 0, &prng) != USEC_NEVER);
	assert_true(retry_next_at(&retry_schedule_default, &c, 2, 0, 0, &prng) != USEC_NEVER);
	assert_true(retry_next_at(&retry_schedule_default, &c, 3, 0, 0, &prng) == USEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff_doubles_to_last_and_remembers),
		cmocka_unit_test(test_retry_grows_with_jitter),
		cmocka_unit_test(test_retry_greylisted_never_before_five_minutes),
		cmocka_unit_test(test_retry_honours_the_wait_asked_for),
		cmocka_unit_test(test_retry_full_mailboxes_are_tried_hours_apart),
		cmocka_unit_test(test_retry_schedule_of_seconds_stays_one),
		cmocka_unit_test(test_retry_expires),
		cmocka_unit_test(test_retry_limit_of_a_class_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
