/* test_shape_habit.c - up by clean transactions, down at once, remembered for days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/shape/habit.h"

#define NOW ((usec)1000 * USEC_DAY)

struct host {
	struct habit habit;
	struct habit_rule rule;
	bool known, chunking;
	usec now;
};

static struct host host_new(bool known, bool chunking)
{
	struct host h = {
		.rule = habit_rule_default, .known = known, .chunking = chunking, .now = NOW};
	habit_init(&h.habit);
	return h;
}

static struct habit_plan plan_of(const struct host *h)
{
	return habit_plan(&h->habit, &h->rule, h->known, h->now);
}

/* So many transactions end in order, each under the plan of its moment. */
static void clean(struct host *h, int count)
{
	for (int i = 0; i < count; i++) {
		struct habit_plan plan = plan_of(h);
		(void)habit_clean(&h->habit, &h->rule, &plan, h->chunking, h->known, h->now);
	}
}

static bool trouble(struct host *h, enum habit_trouble trouble, uint32_t under_way,
		    uint32_t answered)
{
	struct habit_plan plan = plan_of(h);
	return habit_trouble(&h->habit, &plan, trouble, under_way, answered, h->now);
}

/* How many clean transactions it takes until the flight is reached; -1: not within a thousand.
 */
static int clean_until(struct host *h, enum smtp_flight flight, uint32_t window)
{
	for (int i = 0; i < 1000; i++) {
		struct habit_plan plan = plan_of(h);
		if (plan.flight == flight && plan.window >= window)
			return i;
		clean(h, 1);
	}
	return -1;
}

static void test_habit_of_known_software_widens_soon(void **)
{
	struct host h = host_new(true, true);
	assert_int_equal(plan_of(&h).flight, FLIGHT_NEXT);
	assert_int_equal(clean_until(&h, FLIGHT_CHUNK, 0), 2);
	assert_int_equal(clean_until(&h, FLIGHT_WINDOW, 2), 2);
	assert_int_equal(clean_until(&h, FLIGHT_WINDOW, 4), 4);
	assert_int_equal(clean_until(&h, FLIGHT_WINDOW, 8), 8);
	assert_int_equal(clean_until(&h, FLIGHT_WINDOW, 16), 16);
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).window, 16);
}

static void test_habit_of_unknown_software_is_earned_longer(void **)
{
	struct host h = host_new(false, true);
	assert_int_equal(plan_of(&h).flight, FLIGHT_GROUP);
	assert_int_equal(clean_until(&h, FLIGHT_NEXT, 0), 4);
	assert_int_equal(clean_until(&h, FLIGHT_CHUNK, 0), 32);
	assert_int_equal(clean_until(&h, FLIGHT_WINDOW, 2), 32);
}

static void test_habit_without_chunking_ends_at_next(void **)
{
	struct host h = host_new(true, false);
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).flight, FLIGHT_NEXT);
}

static void test_habit_of_lost_sync_goes_down_one_level_for_days(void **)
{
	struct host h = host_new(true, true);
	clean(&h, 1000);
	assert_true(trouble(&h, TROUBLE_SYNC, 16, 3));
	assert_int_equal(plan_of(&h).flight, FLIGHT_CHUNK);
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).flight, FLIGHT_CHUNK);
	assert_true(trouble(&h, TROUBLE_SYNC, 1, 3));
	assert_int_equal(plan_of(&h).flight, FLIGHT_NEXT);
	assert_true(trouble(&h, TROUBLE_SYNC, 1, 3));
	assert_int_equal(plan_of(&h).flight, FLIGHT_GROUP);
	assert_true(trouble(&h, TROUBLE_SYNC, 1, 3));
	assert_int_equal(plan_of(&h).flight, FLIGHT_LOCKSTEP);
	assert_false(trouble(&h, TROUBLE_SYNC, 1, 3));
	h.now += HABIT_MEMORY - 1;
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).flight, FLIGHT_LOCKSTEP);
	h.now += 1;
	assert_int_not_equal(clean_until(&h, FLIGHT_WINDOW, 16), -1);
}

static void test_habit_of_a_cut_window_halves_it(void **)
{
	struct host h = host_new(true, true);
	clean(&h, 1000);
	assert_true(trouble(&h, TROUBLE_CUT, 16, 0));
	assert_int_equal(plan_of(&h).flight, FLIGHT_WINDOW);
	assert_int_equal(plan_of(&h).window, 8);
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).window, 8);
	assert_true(trouble(&h, TROUBLE_CUT, 2, 0));
	assert_int_equal(plan_of(&h).window, 4);
	assert_false(trouble(&h, TROUBLE_CUT, 1, 0)); /* one alone says nothing of the window */
	assert_int_equal(plan_of(&h).window, 4);
	assert_true(trouble(&h, TROUBLE_CUT, 4, 0));
	assert_true(trouble(&h, TROUBLE_CUT, 2, 0));
	assert_int_equal(plan_of(&h).flight, FLIGHT_CHUNK);
}

static void test_habit_of_hanging_up_is_believed_the_second_time(void **)
{
	struct host h = host_new(true, true);
	assert_true(trouble(&h, TROUBLE_CUT, 0, 20));
	assert_int_equal(plan_of(&h).messages, 20);
	h.now += HABIT_SUSPICION;
	assert_int_equal(plan_of(&h).messages, 0);
	assert_true(trouble(&h, TROUBLE_CUT, 0, 20));
	h.now += USEC_MINUTE;
	assert_true(trouble(&h, TROUBLE_CUT, 0, 20));
	h.now += HABIT_MEMORY - 1;
	assert_int_equal(plan_of(&h).messages, 20);
	assert_true(trouble(&h, TROUBLE_CUT, 0, 10));
	assert_int_equal(plan_of(&h).messages, 10);
	h.now += HABIT_SUSPICION;
	assert_int_equal(plan_of(&h).messages, 0);
}

static void test_habit_of_one_accident_after_few_messages_costs_nothing(void **)
{
	struct host h = host_new(true, true);
	assert_true(trouble(&h, TROUBLE_CUT, 0, 2));
	assert_int_equal(plan_of(&h).messages, 0);
	assert_false(habit_outlasted(&h.habit, 2));
	assert_true(trouble(&h, TROUBLE_CUT, 0, 2));
	assert_int_equal(plan_of(&h).messages, 2);
}

static void test_habit_of_hanging_up_is_refuted_by_who_lasts_longer(void **)
{
	struct host h = host_new(true, true);
	assert_true(trouble(&h, TROUBLE_CUT, 0, 2));
	assert_true(habit_outlasted(&h.habit, 3));
	assert_false(habit_outlasted(&h.habit, 4));
	assert_true(trouble(&h, TROUBLE_CUT, 0, 2));
	assert_int_equal(plan_of(&h).messages, 0);
}

static void test_habit_pinned_is_obeyed_until_there_is_trouble(void **)
{
	struct host h = host_new(false, true);
	h.rule = (struct habit_rule){.pinned = true, .flight = FLIGHT_WINDOW, .window = 16};
	assert_int_equal(plan_of(&h).flight, FLIGHT_WINDOW);
	assert_int_equal(plan_of(&h).window, 16);
	clean(&h, 100);
	assert_int_equal(plan_of(&h).window, 16);
	assert_true(trouble(&h, TROUBLE_SYNC, 1, 3));
	assert_int_equal(plan_of(&h).flight, FLIGHT_CHUNK);
	h.now += HABIT_MEMORY;
	assert_int_equal(plan_of(&h).flight, FLIGHT_WINDOW);
}

static void test_habit_may_be_capped(void **)
{
	struct host h = host_new(true, true);
	h.rule.limit = FLIGHT_CHUNK;
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).flight, FLIGHT_CHUNK);
	h.rule = (struct habit_rule){.limit = FLIGHT_WINDOW, .window = 4};
	clean(&h, 1000);
	assert_int_equal(plan_of(&h).window, 4);
}

static void test_habit_of_an_older_plan_counts_for_nothing(void **)
{
	struct host h = host_new(true, true);
	struct habit_plan old = plan_of(&h);
	clean(&h, 8);
	assert_int_equal(plan_of(&h).flight, FLIGHT_WINDOW);
	uint32_t window = plan_of(&h).window;
	for (int i = 0; i < 100; i++)
		assert_false(habit_clean(&h.habit, &h.rule, &old, true, true, h.now));
	assert_int_equal(plan_of(&h).window, window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_habit_of_known_software_widens_soon),
		cmocka_unit_test(test_habit_of_unknown_software_is_earned_longer),
		cmocka_unit_test(test_habit_without_chunking_ends_at_next),
		cmocka_unit_test(test_habit_of_lost_sync_goes_down_one_level_for_days),
		cmocka_unit_test(test_habit_of_a_cut_window_halves_it),
		cmocka_unit_test(test_habit_of_hanging_up_is_believed_the_second_time),
		cmocka_unit_test(test_habit_of_one_accident_after_few_messages_costs_nothing),
		cmocka_unit_test(test_habit_of_hanging_up_is_refuted_by_who_lasts_longer),
		cmocka_unit_test(test_habit_pinned_is_obeyed_until_there_is_trouble),
		cmocka_unit_test(test_habit_may_be_capped),
		cmocka_unit_test(test_habit_of_an_older_plan_counts_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
