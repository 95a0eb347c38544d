/* test_base_wheel.c - the wheel beside a model that looks at every timer every time. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/prng.h"
#include "engine/base/wheel.h"

#define TIMERS 200

struct model_timer {
	struct wheel_timer timer;
	bool armed;
};

struct world {
	struct wheel wheel;
	struct model_timer timers[TIMERS];
	struct prng prng;
	usec now;
	size_t fired_count, armed_count;
};

static usec tick_end(usec at)
{
	return at / USEC_MS * USEC_MS + (at % USEC_MS ? USEC_MS : 0);
}

/* Distances from nothing to days, every magnitude equally likely. */
static usec some_distance(struct prng *p)
{
	return (usec)prng_below(p, (uint64_t)1 << (1 + prng_below(p, 40)));
}

static void expire_all(struct world *w, usec now)
{
	struct wheel_timer *t;
	w->now = now;
	while ((t = wheel_expire(&w->wheel, now))) {
		struct model_timer *m = (struct model_timer *)t;
		assert_true(m->armed);
		assert_true(t->at <= now);
		assert_false(chain_linked(&t->link));
		m->armed = false;
		w->fired_count++;
	}
	for (size_t i = 0; i < TIMERS; i++) {
		if (w->timers[i].armed) /* late by less than a tick at most */
			assert_true(tick_end(w->timers[i].timer.at) > now);
	}
}

static void check_next(struct world *w)
{
	usec earliest = USEC_NEVER;
	for (size_t i = 0; i < TIMERS; i++) {
		if (w->timers[i].armed)
			earliest = usec_min(earliest, w->timers[i].timer.at);
	}
	usec next = wheel_next(&w->wheel);
	if (earliest == USEC_NEVER)
		assert_true(next == USEC_NEVER);
	else
		assert_true(next >= w->wheel.now &&
			    next <= usec_max(w->wheel.now, tick_end(earliest)));
}

static void step(struct world *w)
{
	struct prng *p = &w->prng;
	struct model_timer *m = &w->timers[prng_below(p, TIMERS)];
	switch (prng_below(p, 8)) {
	case 0:
		wheel_cancel(&w->wheel, &m->timer);
		m->armed = false;
		break;
	case 1:
		expire_all(w, w->now + some_distance(p));
		break;
	case 2:
		expire_all(w, usec_max(w->now,
				       usec_min(wheel_next(&w->wheel), w->now + USEC_DAY)));
		break;
	case 3: /* in the past */
		wheel_arm(&w->wheel, &m->timer, usec_max(0, w->now - some_distance(p)));
		m->armed = true;
		break;
	default:
		wheel_arm(&w->wheel, &m->timer, w->now + some_distance(p));
		m->armed = true;
		w->armed_count++;
	}
	check_next(w);
}

static void test_wheel_agrees_with_a_naive_model(void **state)
{
	(void)state;
	static struct world w;
	for (uint64_t seed = 0; seed < 60; seed++) {
		w = (struct world){};
		prng_init(&w.prng, seed);
		w.now = (usec)prng_below(&w.prng, (uint64_t)1 << 50);
		wheel_init(&w.wheel, w.now);
		for (size_t i = 0; i < TIMERS; i++)
			wheel_timer_init(&w.timers[i].timer);
		for (int i = 0; i < 3000; i++)
			step(&w);
		assert_true(w.fired_count > 200);
		/* Sleeping by wheel_next() alone brings every timer. */
		int sleeps = 0;
		for (usec next; (next = wheel_next(&w.wheel)) != USEC_NEVER; sleeps++) {
			assert_true(sleeps < TIMERS * 100);
			expire_all(&w, next);
		}
		for (size_t i = 0; i < TIMERS; i++)
			assert_false(w.timers[i].armed);
		for (size_t level = 0; level < 4; level++)
			assert_int_equal(w.wheel.occupied[level], 0);
	}
}

static void test_wheel_never_fires_early_at_slot_edges(void **state)
{
	(void)state;
	static const usec starts[] = {0,
				      63 * USEC_MS,
				      64 * USEC_MS,
				      4095 * USEC_MS,
				      262143 * USEC_MS,
				      (usec)16777215 * USEC_MS};
	static const usec distances[] = {1,        63,       64,       65,      4095,
					 4096,     4097,     262143,   262144,  262145,
					 16777215, 16777216, 16777217, 40000000};
	for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
		for (size_t d = 0; d < sizeof distances / sizeof *distances; d++) {
			struct wheel w;
			struct wheel_timer t;
			usec at = starts[s] + distances[d] * USEC_MS;
			wheel_init(&w, starts[s]);
			wheel_timer_init(&t);
			wheel_arm(&w, &t, at);
			assert_null(wheel_expire(&w, at - 1));
			assert_ptr_equal(wheel_expire(&w, at), &t);
			assert_null(wheel_expire(&w, at));
		}
	}
}

static void test_wheel_rearm_moves_and_never_can_wait(void **state)
{
	(void)state;
	struct wheel w;
	struct wheel_timer t;
	wheel_init(&w, 5);
	wheel_timer_init(&t);
	wheel_cancel(&w, &t);
	assert_true(wheel_next(&w) == USEC_NEVER);
	assert_false(wheel_is_armed(&t, USEC_NEVER));
	wheel_arm(&w, &t, USEC_SECOND);
	assert_true(wheel_is_armed(&t, USEC_SECOND));
	assert_false(wheel_is_armed(&t, USEC_SECOND - 1));
	wheel_arm(&w, &t, USEC_MINUTE);
	assert_null(wheel_expire(&w, USEC_MINUTE - 1));
	wheel_arm(&w, &t, USEC_NEVER);
	assert_null(wheel_expire(&w, 3 * USEC_DAY));
	wheel_cancel(&w, &t);
	assert_true(wheel_next(&w) == USEC_NEVER);
	wheel_arm(&w, &t, 0);
	assert_ptr_equal(wheel_expire(&w, 1), &t); /* a now that went back still finds it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel_agrees_with_a_naive_model),
		cmocka_unit_test(test_wheel_never_fires_early_at_slot_edges),
		cmocka_unit_test(test_wheel_rearm_moves_and_never_can_wait),
	};
	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
