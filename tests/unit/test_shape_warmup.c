/* test_shape_warmup.c - a day is never exceeded, a step is earned, and time forgets. */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "engine/shape/warmup.h"

#define DAY 20000 /* 2024-10-04 */

static usec wall_of(int32_t day, usec time)
{
	return day * USEC_DAY + time;
}

static struct warmup_curve curve_of_three(void)
{
	return (struct warmup_curve){.steps = {100, 200, 400},
				     .step_count = 3,
				     .opens = 8 * USEC_HOUR,
				     .closes = 20 * USEC_HOUR,
				     .defer_limit = 100000,
				     .complaint_limit = 1000,
				     .used_limit = 100000,
				     .idle_days = 30};
}

/* A day at which so many went well, and what it came to. */
static void live_day(const struct warmup_curve *c, struct warmup_state *s, int32_t day,
		     struct warmup_result result)
{
	const struct warmup_result none = {};
	if (day > s->day)
		warmup_turn(c, s, day, &none);
	assert_int_equal(warmup_reserve(c, s, (uint32_t)result.attempts), result.attempts);
	warmup_turn(c, s, day + 1, &result);
}

static void test_warmup_counts_days_in_its_zone(void **)
{
	struct warmup_curve c = curve_of_three();
	assert_int_equal(warmup_day_of(&c, wall_of(DAY, 0)), DAY);
	assert_int_equal(warmup_day_of(&c, wall_of(DAY, 0) - 1), DAY - 1);
	c.zone = 2 * USEC_HOUR;
	assert_int_equal(warmup_day_of(&c, wall_of(DAY, 22 * USEC_HOUR)), DAY + 1);
	c.zone = -8 * USEC_HOUR;
	assert_int_equal(warmup_day_of(&c, wall_of(DAY, 7 * USEC_HOUR)), DAY - 1);
}

static void test_warmup_never_counts_more_than_the_day_allows(void **)
{
	struct warmup_curve c = curve_of_three();
	struct warmup_state s = {};
	const struct warmup_result none = {};
	assert_int_equal(warmup_reserve(&c, &s, 1), 0); /* no day has begun */
	warmup_turn(&c, &s, DAY, &none);
	assert_int_equal(warmup_reserve(&c, &s, 60), 60);
	assert_int_equal(warmup_reserve(&c, &s, 60), 40);
	assert_int_equal(warmup_reserve(&c, &s, 1), 0);
	warmup_give_back(&s, DAY, 5);
	assert_int_equal(warmup_reserve(&c, &s, 9), 5);
	warmup_give_back(&s, DAY - 1, 5);
	assert_int_equal(warmup_reserve(&c, &s, 9), 0);
	/* Nor after the same day, or one before, is told again. */
	warmup_turn(&c, &s, DAY, &none);
	warmup_turn(&c, &s, DAY - 3, &none);
	assert_int_equal(warmup_reserve(&c, &s, 1), 0);
}

static void test_warmup_spreads_the_room_over_the_window(void **)
{
	struct warmup_curve c = curve_of_three();
	struct warmup_state s = {};
	const struct warmup_result none = {};
	warmup_turn(&c, &s, DAY, &none);
	struct warmup_verdict v = warmup_verdict(&c, &s, 0, wall_of(DAY, 6 * USEC_HOUR));
	assert_string_equal(v.why, "it is too early in the day");
	assert_int_equal(v.opens_wall, wall_of(DAY, 8 * USEC_HOUR));
	assert_int_equal(v.rate.count, 0);
	v = warmup_verdict(&c, &s, 0, wall_of(DAY, 8 * USEC_HOUR));
	assert_int_equal(v.room, 100);
	assert_int_equal(v.rate.count, 1);
	assert_int_equal(v.rate.per, 12 * USEC_HOUR / 100);
	assert_int_equal(v.rate.burst, 1);
	assert_int_equal(v.day_ends_wall, wall_of(DAY + 1, 0));
	/* Half of the time is gone and nothing was sent: twice as fast. What is reserved and
	 * not started is room of who holds it, and of nobody else. */
	assert_int_equal(warmup_reserve(&c, &s, 10), 10);
	v = warmup_verdict(&c, &s, 10, wall_of(DAY, 14 * USEC_HOUR));
	assert_int_equal(v.rate.per, 6 * USEC_HOUR / 100);
	assert_int_equal(warmup_verdict(&c, &s, 0, wall_of(DAY, 14 * USEC_HOUR)).room, 90);
	v = warmup_verdict(&c, &s, 10, wall_of(DAY, 20 * USEC_HOUR));
	assert_string_equal(v.why, "it is too late in the day");
	assert_int_equal(v.opens_wall, wall_of(DAY + 1, 8 * USEC_HOUR));
	assert_int_equal(warmup_reserve(&c, &s, 90), 90);
	v = warmup_verdict(&c, &s, 0, wall_of(DAY, 14 * USEC_HOUR));
	assert_string_equal(v.why, "today's allowance is used");
	v = warmup_verdict(&c, &s, 0, wall_of(DAY + 1, 9 * USEC_HOUR));
	assert_string_equal(v.why, "the day has just begun");
	assert_int_equal(v.room, 0);
}

static void test_warmup_waits_for_its_first_day(void **)
{
	struct warmup_curve c = curve_of_three();
	struct warmup_state s = {};
	const struct warmup_result none = {};
	c.first_day = DAY + 2;
	warmup_turn(&c, &s, DAY, &none);
	assert_int_equal(warmup_reserve(&c, &s, 1), 0);
	struct warmup_verdict v = warmup_verdict(&c, &s, 0, wall_of(DAY, 9 * USEC_HOUR));
	assert_string_equal(v.why, "its warm-up has not begun");
	assert_int_equal(v.opens_wall, wall_of(DAY + 2, 8 * USEC_HOUR));
	warmup_turn(&c, &s, DAY + 2, &none);
	assert_int_equal(s.step, 0);
	assert_int_equal(warmup_reserve(&c, &s, 1000), 100);
}

static void test_warmup_step_is_held_by_what_exceeds_a_limit(void **)
{
	static const struct {
		struct warmup_result result;
		uint32_t step;
		const char *held;
	} cases[] = {
		{{100, 10, 0}, 1, ""},
		{{100, 11, 0}, 0, "11.0 % of 100 attempts were deferred; the limit is 10 %"},
		{{100, 0, 1},
		 0,
		 "1.00 % of 100 attempts were complained of; the limit is 0.1 %"},
		{{10, 1, 0}, 1, ""},
		{{9, 0, 0}, 0, "only 9 of 100 were sent, which tells too little"},
		{{0, 0, 0}, 0, "nothing was sent"},
	};
	struct warmup_curve c = curve_of_three();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct warmup_state s = {};
		live_day(&c, &s, DAY, cases[i].result);
		assert_int_equal(s.step, cases[i].step);
		assert_string_equal(s.held, cases[i].held);
		assert_int_equal(s.step_since, DAY + (int32_t)cases[i].step);
	}
	/* 1 in 1,000 is not more than 0.1 %. */
	c.steps[0] = 1000;
	c.steps[1] = 2000;
	struct warmup_state s = {};
	live_day(&c, &s, DAY, (struct warmup_result){1000, 100, 1});
	assert_int_equal(s.step, 1);
}

static void test_warmup_rises_once_a_day_until_it_is_warm(void **)
{
	struct warmup_curve c = curve_of_three();
	struct warmup_state s = {};
	const struct warmup_result none = {};
	live_day(&c, &s, DAY, (struct warmup_result){100, 0, 0});
	/* Days without mail change nothing; the next one with mail is judged on its own. */
	warmup_turn(&c, &s, DAY + 5, &none);
	assert_int_equal(s.step, 1);
	assert_string_equal(s.held, "nothing was sent");
	live_day(&c, &s, DAY + 5, (struct warmup_result){200, 0, 0});
	assert_int_equal(s.step, 2);
	live_day(&c, &s, DAY + 6, (struct warmup_result){400, 0, 0});
	assert_int_equal(s.step, 3);
	assert_true(warmup_verdict(&c, &s, 0, wall_of(DAY + 7, 0)).warm);
	assert_int_equal(warmup_reserve(&c, &s, 5), 0);
	assert_int_equal(warmup_chunk(&c, &s), 1);
	/* A curve that was made shorter is over. */
	s.step = 40;
	warmup_turn(&c, &s, DAY + 8, &none);
	assert_int_equal(s.step, 3);
}

static void test_warmup_time_without_mail_takes_steps_back(void **)
{
	const struct warmup_curve *c = &warmup_standard;
	const struct warmup_result none = {};
	struct warmup_state s = {.step = 20, .day = DAY, .step_since = DAY, .mailed_day = DAY};
	warmup_turn(c, &s, DAY + 30, &none);
	assert_int_equal(s.step, 20);
	warmup_turn(c, &s, DAY + 31, &none);
	assert_int_equal(s.step, 10);
	assert_string_equal(s.held, "no mail for 31 days: back from day 21 to day 11");
	warmup_turn(c, &s, DAY + 32, &none);
	assert_int_equal(s.step, 10);
	warmup_turn(c, &s, DAY + 32 + 61, &none);
	assert_int_equal(s.step, 2);
	/* Also who is warm: half a year is a new source. */
	s = (struct warmup_state){
		.step = c->step_count, .day = DAY, .step_since = DAY, .mailed_day = DAY};
	warmup_turn(c, &s, DAY + 182, &none);
	assert_int_equal(s.step, 0);
}

static void test_warmup_standard_curve_rises(void **)
{
	const struct warmup_curve *c = &warmup_standard;
	for (uint32_t i = 1; i < c->step_count; i++)
		assert_true(c->steps[i] > c->steps[i - 1]);
	assert_int_equal(c->steps[0], 200);
	assert_int_equal(c->steps[7], 40000);
	assert_int_equal(c->steps[28], 10000000);
	struct warmup_state s = {.day = DAY};
	assert_int_equal(warmup_chunk(c, &s), 2);
	s.step = 28;
	assert_int_equal(warmup_chunk(c, &s), 5000);
}

/* One engine of a story: it reserves chunks, starts by the smoothed rate, crashes now and then.
 */
struct sender {
	uint32_t unused, started;
	struct bucket pace;
};

static void start_due(const struct warmup_curve *c, struct warmup_state *s, struct sender *e,
		      usec wall)
{
	struct warmup_verdict v = warmup_verdict(c, s, e->unused, wall);
	if (v.warm || v.rate.count == 0)
		return;
	e->pace.rate = v.rate;
	if (bucket_room(&e->pace, 1, wall) == 0)
		return;
	if (e->unused == 0)
		e->unused = warmup_reserve(c, s, warmup_chunk(c, s));
	if (e->unused == 0)
		return;
	bucket_take(&e->pace, 1, wall);
	e->unused--;
	e->started++;
}

/* The first days of a month: on two of them too much is deferred, on one somebody complains, a
 * weekend is without mail, engines crash. Every day's starts stay within the day's allowance,
 * and within one message of it where nothing crashed; no hour has much more
 * than its share (who looks twice a second loses part of a second, and makes up for it). */
static void test_warmup_month(void **)
{
	struct warmup_curve c = warmup_standard;
	struct warmup_state s = {};
	struct warmup_result result = {};
	struct prng prng;
	const uint32_t expected[12] = {0, 1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6};
	prng_init(&prng, 4);
	c.opens = 8 * USEC_HOUR;
	c.closes = 20 * USEC_HOUR;
	for (int32_t i = 0; i < 12; i++) {
		struct sender e = {};
		bool weekend = i == 7 || i == 8, crashes = i == 6;
		uint32_t lost = 0, busiest = 0, hour_started = 0;
		warmup_turn(&c, &s, DAY + i, &result);
		assert_int_equal(s.step, expected[i]);
		uint32_t allowance = c.steps[s.step];
		bucket_init(&e.pace, (struct rate){1, 1, 1}, wall_of(DAY + i, 0));
		for (usec t = 0; t < USEC_DAY && !weekend; t += USEC_SECOND / 2) {
			if (t % USEC_HOUR == 0) {
				busiest = hour_started > busiest ? hour_started : busiest;
				hour_started = 0;
			}
			if (crashes && prng_below(&prng, 7200) == 0) {
				lost += e.unused;
				e.unused = 0;
			}
			uint32_t before = e.started;
			start_due(&c, &s, &e, wall_of(DAY + i, t));
			hour_started += e.started - before;
		}
		assert_true(e.started <= allowance);
		assert_true(s.counted <= allowance);
		if (!weekend)
			assert_true(e.started + lost + 1 >= allowance);
		if (!crashes)
			assert_true(busiest <= allowance / 12 * 5 / 4 + 2);
		assert_int_equal(crashes, lost > 0);
		result = (struct warmup_result){.attempts = e.started};
		if (i == 3 || i == 4)
			result.deferred = e.started / 9;
		if (i == 9)
			result.complained = e.started / 500;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warmup_counts_days_in_its_zone),
		cmocka_unit_test(test_warmup_never_counts_more_than_the_day_allows),
		cmocka_unit_test(test_warmup_spreads_the_room_over_the_window),
		cmocka_unit_test(test_warmup_waits_for_its_first_day),
		cmocka_unit_test(test_warmup_step_is_held_by_what_exceeds_a_limit),
		cmocka_unit_test(test_warmup_rises_once_a_day_until_it_is_warm),
		cmocka_unit_test(test_warmup_time_without_mail_takes_steps_back),
		cmocka_unit_test(test_warmup_standard_curve_rises),
		cmocka_unit_test(test_warmup_month),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
