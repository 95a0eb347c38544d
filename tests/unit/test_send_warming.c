/* test_send_warming.c - between database, feeder and carrier no day is ever exceeded: engines
 * that share a source, crash, lose answers and look at old clocks; and hardly anything of a day
 * is wasted. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/prng.h"
#include "engine/send/warming.h"

#define DAY 20000
#define DAYS 6
#define ENGINES 2
#define STEP (USEC_SECOND / 2)

static const struct warmup_curve curve = {.steps = {50, 300, 2000, 20000},
					  .step_count = 4,
					  .opens = 6 * USEC_HOUR,
					  .closes = 10 * USEC_HOUR,
					  .defer_limit = 100000,
					  .complaint_limit = 1000,
					  .used_limit = 100000};

struct world {
	struct prng prng;
	struct warmup_state database;
	struct warmup_result result; /* of the database's day */
	struct warming engines[ENGINES];
	uint64_t lost_chunks;
	uint64_t started[DAYS + 1];
	uint32_t allowance[DAYS + 1];
	unsigned faults; /* in 1,000 */
};

static bool fault(struct world *w)
{
	return w->faults > 0 && prng_below(&w->prng, 1000) < w->faults;
}

static void engine_begin(struct warming *e)
{
	*e = (struct warming){.curve = &curve, .source = "cold"};
	snprintf(e->provider, sizeof(e->provider), "gmail");
}

/* What engine/store/warmup.c does, in one piece. */
static void database_serves(struct world *w, struct warming *e, usec wall)
{
	struct store_warmup *r = &e->request;
	int32_t day = w->database.day;
	bool lost_before = fault(w);
	e->busy = false;
	if (lost_before)
		return;
	r->ret_granted = warmup_count(r->curve, &w->database, r->now_wall, &w->result,
				      r->unused_day, r->unused, r->wanted);
	r->ret_state = w->database;
	if (w->database.day != day) {
		w->result = (struct warmup_result){};
		uint32_t step = w->database.step;
		w->allowance[w->database.day - DAY] = step < 4 ? curve.steps[step] : 0;
	}
	if (fault(w))
		w->lost_chunks += r->ret_granted;
	else
		(void)!warming_answered(e, wall);
}

static void feeder_steps(struct world *w, struct warming *e, usec now, usec wall)
{
	if (!warming_is_known(e, wall))
		e->wanted = true;
	uint64_t room = warming_room(e, now, wall);
	e->handed += room > 100 ? 100 : room;
	warming_set_pace(e, wall);
	if (e->busy)
		database_serves(w, e, wall);
	else if (warming_is_short(e, wall))
		warming_ask(e, wall);
}

/* Its clock is that of its turn's begin. */
static void carrier_steps(struct world *w, struct warming *e, usec now, usec wall)
{
	usec next_at;
	if (atomic_load(&e->warm))
		return;
	usec late = (usec)prng_below(&w->prng, 3) * USEC_SECOND / 4;
	uint64_t started = atomic_load(&e->started) - e->returned_starts;
	uint32_t limit = e->handed > started ? (uint32_t)(e->handed - started) : 0;
	uint32_t room = warming_allows(e, limit, now, wall - late, &next_at);
	for (uint32_t i = 0; i < room; i++) {
		assert_true(warming_start(e, now));
		w->started[warmup_day_of(&curve, wall - late) - DAY]++;
		if (warmup_day_of(&curve, wall - late) == w->database.day)
			w->result.attempts++;
	}
	/* Most end at once; some of what waits comes back unsent. */
	started = atomic_load(&e->started) - e->returned_starts;
	uint64_t ended = prng_below(&w->prng, 4) ? started : 0;
	e->handed -= ended;
	e->returned_starts += ended;
	if (e->handed > started - ended && prng_below(&w->prng, 50) == 0)
		e->handed--;
}

static void live(struct world *w, int engines)
{
	const usec begin = DAY * USEC_DAY;
	for (int i = 0; i < ENGINES; i++)
		engine_begin(&w->engines[i]);
	for (usec t = 5 * USEC_HOUR; t < DAYS * USEC_DAY; t += STEP) {
		if (t % USEC_DAY > 11 * USEC_HOUR)
			t += 16 * USEC_HOUR; /* nights are quiet */
		for (int i = 0; i < engines; i++) {
			feeder_steps(w, &w->engines[i], t, begin + t);
			carrier_steps(w, &w->engines[i], t, begin + t);
			if (w->faults && prng_below(&w->prng, 4000) == 0)
				engine_begin(&w->engines[i]); /* a crash */
		}
	}
}

static void test_warming_never_exceeds_a_day(void **)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct world w = {.faults = 20 * (unsigned)(seed % 4)};
		prng_init(&w.prng, seed);
		live(&w, ENGINES);
		uint64_t all = 0;
		for (int day = 0; day < DAYS; day++) {
			assert_true(w.started[day] <= w.allowance[day]);
			all += w.started[day];
		}
		assert_true(all > 300);
	}
}

static void test_warming_wastes_little_of_a_day(void **)
{
	struct world w = {};
	prng_init(&w.prng, 7);
	live(&w, 1);
	for (int day = 0; day < 4; day++) {
		assert_int_equal(w.allowance[day], curve.steps[day]);
		assert_true(w.started[day] >= curve.steps[day] - 1 - curve.steps[day] / 100);
	}
	/* Then it is warm: no limit, and nothing is counted. */
	assert_true(atomic_load(&w.engines[0].warm));
	assert_int_equal(w.started[4], 0);
	usec next_at;
	assert_int_equal(warming_allows(&w.engines[0], 12345, 0, 0, &next_at), 12345);
	assert_int_equal(warming_startable(&w.engines[0], USEC_SECOND), SIZE_MAX);
}

static void test_warming_gives_back_what_was_not_started(void **)
{
	struct world w = {};
	const usec wall = DAY * USEC_DAY + 7 * USEC_HOUR;
	struct warming *e = &w.engines[0];
	usec next_at;
	prng_init(&w.prng, 7);
	engine_begin(e);
	e->wanted = true;
	assert_true(warming_is_short(e, wall));
	warming_ask(e, wall);
	database_serves(&w, e, wall);
	assert_true(warming_is_known(e, wall));
	assert_false(warming_is_short(e, wall)); /* nobody waits */
	assert_int_equal(warming_allows(e, 9, 0, wall, &next_at), 0);
	e->handed = warming_room(e, 0, wall);
	assert_int_equal(e->handed, 1); /* the next is 216 s behind it */
	assert_true(warming_is_short(e, wall));
	warming_ask(e, wall);
	database_serves(&w, e, wall);
	assert_int_equal(w.database.counted, 1);
	assert_int_equal(warming_allows(e, 9, 0, wall, &next_at), 1);
	assert_int_equal(warming_give_back(e), 1);
	assert_int_equal(warming_allows(e, 9, 0, wall, &next_at), 0);
	assert_int_equal(next_at, USEC_NEVER);
	assert_int_equal(warming_give_back(e), 0);
}

static void test_warming_slices_wait_for_their_turn(void **)
{
	struct world w = {};
	const usec wall = DAY * USEC_DAY + 7 * USEC_HOUR;
	struct warming *e = &w.engines[0];
	engine_begin(e);
	e->wanted = true;
	warming_ask(e, wall);
	database_serves(&w, e, wall);
	e->handed = 1;
	usec interval = 3 * USEC_HOUR / 50, limit = 15 * USEC_MINUTE;
	usec first = warming_book(e, 11, 0, wall, limit);
	assert_int_equal(first, wall + interval - WARMING_LEAD);
	assert_int_equal(warming_book(e, 11, 0, wall, limit), first);
	assert_int_equal(warming_book(e, 12, 0, wall, limit), first + interval);
	/* Nobody waits longer than the limit, whatever stands before him. */
	for (uint64_t slice = 13; slice < 40; slice++)
		assert_true(warming_book(e, slice, 0, wall, limit) <= wall + limit);
	/* Too late today: tomorrow, or when the limit is over. */
	usec evening = wall + 4 * USEC_HOUR;
	assert_int_equal(warming_book(e, 50, 0, evening, limit), evening + limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warming_never_exceeds_a_day),
		cmocka_unit_test(test_warming_wastes_little_of_a_day),
		cmocka_unit_test(test_warming_gives_back_what_was_not_started),
		cmocka_unit_test(test_warming_slices_wait_for_their_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
