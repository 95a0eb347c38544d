/* test_shape_crowd.c - how many connections are let in is found, and kept to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/shape/crowd.h"

static const usec t0 = 1000 * USEC_SECOND;

static usec deliver(struct crowd *c, usec time, usec now)
{
	for (usec end = now + time; now < end;)
		crowd_delivered(c, now += 100 * USEC_MS);
	return now;
}

static void test_crowd_begins_with_all_and_keeps_those_let_in(void **)
{
	struct crowd c;

	crowd_init(&c, 10, t0);
	assert_int_equal(c.cap, 10);
	crowd_refused(&c, 2, t0); /* eight more are being greeted */
	assert_int_equal(c.cap, 2);
	crowd_opened(&c, 3, t0);
	crowd_opened(&c, 4, t0);
	assert_int_equal(c.cap, 4);
	assert_int_equal(c.ceiling, 5);
	crowd_refused(&c, 4, t0); /* the other six: nothing new */
	assert_int_equal(c.cap, 4);
	crowd_refused(&c, 0, t0);
	assert_int_equal(c.cap, 1); /* never none */
}

static void test_crowd_tries_one_more_seldom(void **)
{
	struct crowd c;

	crowd_init(&c, 10, t0);
	crowd_refused(&c, 4, t0);
	usec now = deliver(&c, 4 * USEC_MINUTE, t0);
	assert_int_equal(c.cap, 4);
	now = deliver(&c, 2 * USEC_MINUTE, now);
	assert_int_equal(c.cap, 5);
	crowd_refused(&c, 4, now);
	assert_int_equal(c.cap, 4);
	now = deliver(&c, 9 * USEC_MINUTE, now); /* twice as rarely now */
	assert_int_equal(c.cap, 4);
	now = deliver(&c, 2 * USEC_MINUTE, now);
	assert_int_equal(c.cap, 5);
	crowd_opened(&c, 5, now); /* there is room after all */
	deliver(&c, 4 * USEC_MINUTE, now);
	assert_true(c.cap > 5);
}

static void test_crowd_trouble_halves_it_once_a_minute(void **)
{
	struct crowd c;

	crowd_init(&c, 16, t0);
	crowd_troubled(&c, t0);
	crowd_troubled(&c, t0 + CROWD_CUT_EVERY - 1);
	assert_int_equal(c.cap, 8);
	usec now = deliver(&c, USEC_MINUTE, t0);
	assert_int_equal(c.cap, 15); /* just below what brought trouble */
	crowd_troubled(&c, now);
	assert_int_equal(c.cap, 7);
}

static void test_crowd_keeps_to_a_new_limit(void **)
{
	struct crowd c;

	crowd_init(&c, 8, t0);
	crowd_set_limit(&c, 20, t0);
	assert_int_equal(c.cap, 20);
	crowd_troubled(&c, t0);
	crowd_set_limit(&c, 5, t0);
	assert_int_equal(c.cap, 5);
	crowd_set_limit(&c, 30, t0);
	assert_true(c.cap <= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crowd_begins_with_all_and_keeps_those_let_in),
		cmocka_unit_test(test_crowd_tries_one_more_seldom),
		cmocka_unit_test(test_crowd_trouble_halves_it_once_a_minute),
		cmocka_unit_test(test_crowd_keeps_to_a_new_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
