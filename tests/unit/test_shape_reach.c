/* test_shape_reach.c - failed rounds hold back connects, and only those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/shape/reach.h"

static const usec t0 = 1000 * USEC_SECOND;

static void test_reach_lets_all_open_at_first(void **)
{
	struct reach r;

	reach_init(&r, t0);
	assert_int_equal(reach_room(&r, 10, 0, 0, t0), 10);
	assert_int_equal(reach_room(&r, 0, 0, 0, t0), 0);
}

static void test_reach_failed_rounds_wait_longer_and_probe_with_one(void **)
{
	struct reach r;

	reach_init(&r, t0);
	for (int i = 0; i < 5; i++) /* one round */
		reach_failed(&r, t0);
	assert_int_equal(reach_room(&r, 10, 0, 0, t0), 0);
	assert_true(r.opening_after == t0 + 15 * USEC_SECOND);

	usec now = r.opening_after;
	assert_int_equal(reach_room(&r, 10, 0, 0, now), 1);
	assert_int_equal(reach_room(&r, 10, 0, 1, now), 0);
	reach_failed(&r, now);
	assert_true(r.opening_after == now + 30 * USEC_SECOND);
	now = r.opening_after;
	reach_opened(&r);
	assert_int_equal(reach_room(&r, 10, 0, 0, now), 10);
}

static void test_reach_open_connections_prove_the_hosts(void **)
{
	struct reach r;

	reach_init(&r, t0);
	reach_failed(&r, t0);
	assert_int_equal(reach_room(&r, 9, 1, 0, r.opening_after), 9);
}

static void test_reach_connections_lost_in_a_row_are_a_rule(void **)
{
	struct reach r;

	reach_init(&r, t0);
	for (int i = 0; i < REACH_FRUITLESS_LIMIT - 1; i++)
		assert_false(reach_lost(&r));
	reach_delivered(&r);
	for (int i = 0; i < REACH_FRUITLESS_LIMIT - 1; i++)
		assert_false(reach_lost(&r));
	assert_true(reach_lost(&r));
}

static void test_reach_lift_ends_the_wait_and_still_probes_with_one(void **)
{
	struct reach r;

	reach_init(&r, t0);
	reach_failed(&r, t0);
	assert_int_equal(reach_room(&r, 10, 0, 0, t0 + 1), 0);
	reach_lift(&r, t0 + 1);
	assert_int_equal(reach_room(&r, 10, 0, 0, t0 + 1), 1);
	reach_lift(&r, t0 + 2); /* never later than it was */
	assert_true(r.opening_after == t0 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach_lets_all_open_at_first),
		cmocka_unit_test(test_reach_failed_rounds_wait_longer_and_probe_with_one),
		cmocka_unit_test(test_reach_open_connections_prove_the_hosts),
		cmocka_unit_test(test_reach_connections_lost_in_a_row_are_a_rule),
		cmocka_unit_test(test_reach_lift_ends_the_wait_and_still_probes_with_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
