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

/* The wait without jitter. */
static usec wait_of(const struct retry_schedule *s, enum bounce_class class, const char *cause,
		    uint32_t attempts)
{
	struct retry_schedule exact = *s;
	struct classification c = of_class(class);
	struct prng prng;
	exact.jitter = 0;
	exact.expiry = 30 * USEC_DAY;
	c.cause = cause;
	prng_init(&prng, 1);
	return retry_next_at(&exact, &c, attempts, 0, 0, &prng);
}

static void test_retry_cause_sets_the_pace_where_the_action_differs(void **)
{
	static const struct {
		enum bounce_class class;
		const char *cause;
		usec waits[4]; /* minutes */
	} cases[] = {
		{CLASS_RATE_LIMITED, "rate-limited", {15, 30, 30, 30}},
		{CLASS_RATE_LIMITED, "recipient-rate", {45, 45, 45, 45}},
		{CLASS_RATE_LIMITED, "too-many-connections", {5, 5, 5, 5}},
		{CLASS_GREYLISTED, "greylisted", {5, 10, 20, 40}},
		{CLASS_MAILBOX_FULL, "mailbox-full", {240, 240, 240, 240}},
		{CLASS_REPUTATION, "reputation", {60, 120, 240, 240}},
		{CLASS_NETWORK, "connect-failed", {15, 30, 60, 120}},
		{CLASS_REMOTE_FAILURE, "system-error", {15, 30, 60, 120}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (uint32_t n = 0; n < 4; n++)
			assert_int_equal(wait_of(&retry_schedule_default, cases[i].class,
						 cases[i].cause, n + 1),
					 cases[i].waits[n] * USEC_MINUTE);
	assert_int_equal(wait_of(&retry_schedule_default, CLASS_NETWORK, "dns-failure", 1),
			 USEC_MINUTE);
	assert_int_equal(wait_of(&retry_schedule_default, CLASS_NETWORK, "dns-failure", 2),
			 270 * USEC_SECOND);
	assert_int_equal(wait_of(&retry_schedule_default, CLASS_NETWORK, "dns-failure", 3),
			 1215 * USEC_SECOND);
	assert_int_equal(wait_of(&retry_schedule_default, CLASS_NETWORK, "dns-failure", 5),
			 4 * USEC_HOUR);
}

static void test_retry_class_of_its_own_counts_for_all_its_causes(void **)
{
	struct retry_schedule s = retry_schedule_default;
	s.of_class[CLASS_MAILBOX_FULL] = (struct retry_pace){USEC_HOUR, 3 * USEC_HOUR};
	s.of_class[CLASS_RATE_LIMITED] = (struct retry_pace){.first = 10 * USEC_MINUTE};
	s.of_class[CLASS_NETWORK] = (struct retry_pace){.last = 20 * USEC_MINUTE};
	s.of_class[CLASS_REPUTATION] = (struct retry_pace){.first = 9 * USEC_HOUR};
	s.of_class[CLASS_GREYLISTED] = (struct retry_pace){.last = USEC_MINUTE};
	assert_int_equal(wait_of(&s, CLASS_MAILBOX_FULL, "x", 1), USEC_HOUR);
	assert_int_equal(wait_of(&s, CLASS_MAILBOX_FULL, "x", 2), 2 * USEC_HOUR);
	assert_int_equal(wait_of(&s, CLASS_MAILBOX_FULL, "x", 3), 3 * USEC_HOUR);
	assert_int_equal(wait_of(&s, CLASS_RATE_LIMITED, "recipient-rate", 1),
			 10 * USEC_MINUTE);
	assert_int_equal(wait_of(&s, CLASS_RATE_LIMITED, "rate-limited", 9), 4 * USEC_HOUR);
	assert_int_equal(wait_of(&s, CLASS_NETWORK, "connect-failed", 1), 15 * USEC_MINUTE);
	assert_int_equal(wait_of(&s, CLASS_NETWORK, "connect-failed", 2), 20 * USEC_MINUTE);
	assert_int_equal(wait_of(&s, CLASS_REPUTATION, "x", 1), 9 * USEC_HOUR);
	assert_int_equal(wait_of(&s, CLASS_REPUTATION, "x", 4), 9 * USEC_HOUR);
	/* RFC 6647: never before that, whatever is wished. */
	assert_int_equal(wait_of(&s, CLASS_GREYLISTED, "x", 1), 5 * USEC_MINUTE);
	assert_int_equal(wait_of(&s, CLASS_REMOTE_FAILURE, "x", 1), 15 * USEC_MINUTE);
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
		cmocka_unit_test(test_retry_cause_sets_the_pace_where_the_action_differs),
		cmocka_unit_test(test_retry_class_of_its_own_counts_for_all_its_causes),
		cmocka_unit_test(test_retry_expires),
		cmocka_unit_test(test_retry_limit_of_a_class_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
