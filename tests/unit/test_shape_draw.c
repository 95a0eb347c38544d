/* Limits that several engines share: whatever becomes of questions and answers, and however long
 * an engine sleeps, all of them together start no more in any window than one bucket lets; and
 * when all is well nothing is lost, and nobody waits for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/shape/account.h"

#define ENGINES 6
#define STEP (2 * USEC_MS)
#define LEASE (30 * USEC_SECOND)
#define FLIGHTS 4096 /* more than are ever under way */

/* A question or an answer on its way. */
struct flight {
	bool answer;
	uint32_t engine, life;
	usec at;
	struct draw_ask ask;
	struct draw_grant grant;
};

struct player {
	bool wants, alive;
	uint32_t life;      /* an answer to somebody who has died is nobody's */
	bool knows;         /* that the life before has ended */
	usec offset;        /* its clock is so much ahead, */
	int32_t ppm;        /* and so much too fast */
	usec asleep_until;
	struct draw draw;
	uint64_t number, started;
	usec last_start, longest_gap;
};

struct game {
	struct prng prng;
	struct rate rate;
	bool whole, rough;
	uint32_t engines;
	usec now;
	char text[ACCOUNT_TEXT_SIZE]; /* the database's */
	usec database_offset;
	struct player players[ENGINES];
	struct flight flights[FLIGHTS];
	size_t flight_count;
	double level; /* of the one bucket that all must fit into */
	usec level_at;
	double worst;
	uint64_t started;
};

static uint64_t chance(struct game *g, uint64_t below)
{
	return prng_below(&g->prng, below);
}

static usec clock_of(const struct game *g, const struct player *p)
{
	return g->now + p->offset + g->now * p->ppm / 1000000;
}

/* The truth: cells come at the rate, a little faster than any clock here runs. */
static void count_start(struct game *g, uint32_t cells)
{
	double per_usec = (double)g->rate.count / (double)g->rate.per * 1.0002;
	g->level += (double)(g->now - g->level_at) * per_usec;
	if (g->level > g->rate.burst)
		g->level = g->rate.burst;
	g->level_at = g->now;
	/* Of many cells there need only be one. */
	if (g->level - 1 < g->worst)
		g->worst = g->level - 1;
	g->level -= cells;
	g->started += cells;
}

static struct flight *take_off(struct game *g, uint32_t engine, bool answer)
{
	usec delay = (usec)chance(g, 4000) + 200;
	if (g->rough && chance(g, 30) == 0)
		delay = (usec)chance(g, 5000000);
	assert_true(g->flight_count < FLIGHTS);
	struct flight *f = &g->flights[g->flight_count++];
	*f = (struct flight){.answer = answer,
			     .engine = engine,
			     .life = g->players[engine].life,
			     .at = g->now + delay};
	return f;
}

/* Two engines of one name do not run at once; a process that began anew has a newer epoch. */
static void serve(struct game *g, const struct flight *f)
{
	struct account account;
	struct draw_grant grant;
	struct buf out;
	assert_true(account_read(&account, str_of(g->text)));
	if (!account_draw(&account, f->engine + 1, f->life + 1, &f->ask,
			  g->now + g->database_offset, &grant))
		return;
	buf_init_fixed(&out, g->text, sizeof(g->text) - 1);
	account_write(&account, &out);
	assert_true(buf_ok(&out));
	g->text[out.size] = 0;
	struct flight *back = take_off(g, f->engine, true);
	back->life = f->life;
	back->grant = grant;
	back->ask = f->ask;
}

static void hear(struct game *g, const struct flight *f)
{
	struct player *p = &g->players[f->engine];
	if (!p->alive || f->life != p->life || f->ask.number != p->number || !p->draw.busy)
		return; /* it has given that one up */
	draw_end(&p->draw, &f->grant, clock_of(g, p));
}

static void fly(struct game *g)
{
	for (size_t i = 0; i < g->flight_count;) {
		struct flight f = g->flights[i];
		/* Who sleeps hears it when he wakes. */
		if (f.at > g->now ||
		    (f.answer && g->players[f.engine].asleep_until > g->now)) {
			i++;
			continue;
		}
		g->flights[i] = g->flights[--g->flight_count];
		if (g->rough && chance(g, 25) == 0)
			continue;
		if (f.answer)
			hear(g, &f);
		else
			serve(g, &f);
	}
}

static void begin_anew(struct game *g, struct player *p)
{
	p->life++;
	p->number = 0;
	draw_init(&p->draw, g->rate, g->whole, clock_of(g, p));
}

static void trouble(struct game *g, struct player *p)
{
	if (chance(g, 3000) == 0)
		p->asleep_until = g->now + (usec)chance(g, 20000000);
	if (chance(g, 4000) == 0) { /* dies, and another process has its name */
		begin_anew(g, p);
		p->knows = chance(g, 2);
	}
	if (chance(g, 2000) == 0)
		p->wants = !p->wants;
	if (chance(g, 20000) == 0)
		g->database_offset -= (usec)chance(g, 100000000);
}

static void play_one(struct game *g, uint32_t index)
{
	struct player *p = &g->players[index];
	if (g->rough)
		trouble(g, p);
	if (p->asleep_until > g->now)
		return;
	usec now = clock_of(g, p), at;
	if (p->draw.busy && now > p->draw.asked_at + 8 * USEC_SECOND)
		draw_end(&p->draw, NULL, now); /* the connection was lost */
	while (p->wants && draw_room(&p->draw, 1, now) > 0) {
		uint32_t cells = g->whole ? 1000 + (uint32_t)chance(g, 20000) : 1;
		draw_take(&p->draw, cells, now);
		count_start(g, cells);
		p->started += cells;
		if (g->now - p->last_start > p->longest_gap)
			p->longest_gap = g->now - p->last_start;
		p->last_start = g->now;
	}
	if (draw_is_due(&p->draw, p->wants, now, &at)) {
		struct flight *f = take_off(g, index, false);
		draw_begin(&p->draw, p->wants, ++p->number, now, &f->ask);
		f->ask.ended_epoch = p->knows ? p->life : 0; /* the one before ours */
	}
}

static struct game *begin(uint64_t seed, uint32_t engines, struct rate rate, bool whole,
			  bool rough)
{
	struct game *g = calloc(1, sizeof(*g));
	assert_non_null(g);
	prng_init(&g->prng, seed);
	g->engines = engines;
	g->rate = rate;
	g->whole = whole;
	g->rough = rough;
	g->level = rate.burst;
	g->now = g->level_at = USEC_SECOND;
	g->database_offset = (usec)chance(g, 1000000000000);
	for (uint32_t i = 0; i < engines; i++) {
		struct player *p = &g->players[i];
		p->wants = p->alive = true;
		p->offset = (usec)chance(g, 1000000000000);
		p->ppm = (int32_t)chance(g, 200) - 100;
		p->last_start = g->now;
		draw_init(&p->draw, rate, whole, clock_of(g, p));
	}
	return g;
}

static void play(struct game *g, usec time)
{
	for (usec end = g->now + time; g->now < end; g->now += STEP / 2 + (usec)chance(g, STEP)) {
		fly(g);
		for (uint32_t i = 0; i < g->engines; i++)
			play_one(g, i);
	}
}

static struct rate some_rate(struct game *g)
{
	static const usec units[] = {USEC_SECOND, USEC_MINUTE};
	struct rate rate = {.per = units[chance(g, 2)], .burst = 1};
	rate.count = 1 + (uint32_t)chance(g, rate.per == USEC_SECOND ? 3000 : 200);
	if (chance(g, 3) > 0)
		rate.burst = 1 + (uint32_t)chance(g, 40);
	return rate;
}

static uint64_t seeds(void)
{
	const char *text = getenv("DRAW_SEEDS");
	return text ? strtoull(text, NULL, 10) : 40;
}

static uint64_t first_seed(void)
{
	const char *text = getenv("DRAW_FIRST");
	return text ? strtoull(text, NULL, 10) : 1;
}

static void test_draws_never_exceed_their_limit_whatever_happens(void **)
{
	uint64_t first = first_seed(), started = 0;
	for (uint64_t seed = first; seed < first + seeds(); seed++) {
		struct game *dice = begin(seed, 1, (struct rate){1, USEC_SECOND, 1}, false, false);
		struct rate rate = some_rate(dice);
		bool whole = chance(dice, 5) == 0;
		if (whole)
			rate = (struct rate){20000 + (uint32_t)chance(dice, 2000000),
					     USEC_SECOND, 1 + (uint32_t)chance(dice, 100000)};
		struct game *g = begin(seed, 1 + (uint32_t)chance(dice, ENGINES), rate, whole, true);
		play(g, 40 * USEC_SECOND);
		if (g->worst < -0.02)
			fail_msg("%u/%llds,burst=%u over %u engines: %.3f too many; run "
				 "DRAW_FIRST=%llu DRAW_SEEDS=1 %s",
				 rate.count, (long long)(rate.per / USEC_SECOND), rate.burst,
				 g->engines, -g->worst, (unsigned long long)seed,
				 "build/debug/tests/unit/test_shape_draw");
		started += g->started;
		free(g);
		free(dice);
	}
	assert_true(started > 0);
}

/* What part of what the limit allows was used, in percent. */
static unsigned used(const struct game *g, usec time)
{
	double allowed = (double)g->rate.count * (double)time / (double)g->rate.per;
	return (unsigned)(100.0 * (double)g->started / allowed + 0.5);
}

static const struct rate rates[] = {
	{5000, USEC_SECOND, 250}, {100, USEC_SECOND, 5},  {1000, USEC_SECOND, 1},
	{20, USEC_SECOND, 1},     {4, USEC_SECOND, 1},    {20, USEC_MINUTE, 1},
	{20, USEC_MINUTE, 4},
};

static void test_an_engine_alone_loses_nothing(void **)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		/* A millisecond between two starts cannot be met by who looks every two. */
		if (rates[i].burst == 1 && rates[i].count == 1000)
			continue;
		struct game *g = begin(i + 1, 1, rates[i], false, false);
		play(g, USEC_MINUTE);
		unsigned percent = used(g, USEC_MINUTE);
		if (getenv("DRAW_SHOW"))
			printf("%u/%lld,burst=%u alone: %u %%\n", rates[i].count,
			       (long long)rates[i].per, rates[i].burst, percent);
		assert_true(percent >= 94);
		assert_true(g->worst > -0.01);
		free(g);
	}
}

static void show(const struct game *g, usec time)
{
	printf("%u/%llds,burst=%u, %u engines: %u %% used, shares", g->rate.count,
	       (long long)(g->rate.per / USEC_SECOND), g->rate.burst, g->engines, used(g, time));
	for (uint32_t i = 0; i < g->engines; i++)
		printf(" %.0f", 100.0 * (double)g->players[i].started / (double)g->started);
	printf(", longest waits");
	for (uint32_t i = 0; i < g->engines; i++)
		printf(" %lld ms", (long long)(g->players[i].longest_gap / USEC_MS));
	printf("\n");
}

static void test_engines_share_a_limit_evenly(void **)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct rate rate = rates[i];
		rate.count = rate.burst == 1 && rate.count == 1000 ? 100 : rate.count;
		struct game *g = begin(i + 1, 3, rate, false, false);
		play(g, USEC_MINUTE);
		if (getenv("DRAW_SHOW"))
			show(g, USEC_MINUTE);
		assert_true(g->worst > -0.01);
		assert_true(used(g, USEC_MINUTE) >= 80);
		/* Three turns of its own starts, or a little more than those of time. */
		usec fair = usec_max(2200 * USEC_MS, 5 * rates[i].per / rates[i].count + USEC_SECOND);
		for (uint32_t k = 0; k < 3; k++) {
			assert_true(g->players[k].started * 3 * 2 >= g->started);
			assert_true(g->players[k].longest_gap <= fair);
		}
		free(g);
	}
}

/* A process that knows that the one before it has ended need not wait until what that one had
 * drawn is void; and starts no more than what comes from then on. */
static usec gap_of_a_new_life(uint64_t seed, bool knows)
{
	struct game *g = begin(seed, 1, (struct rate){100, USEC_SECOND, 5}, false, false);
	struct player *p = &g->players[0];
	play(g, 3 * USEC_SECOND + (usec)chance(g, USEC_SECOND));
	begin_anew(g, p);
	p->knows = knows;
	usec died_at = g->now, last = p->last_start;
	while (p->last_start == last && g->now < died_at + 3 * USEC_SECOND)
		play(g, 1);
	usec gap = p->last_start - died_at;
	play(g, 3 * USEC_SECOND);
	assert_true(g->worst > -0.02);
	free(g);
	return gap;
}

static void test_who_has_ended_for_certain_holds_nothing(void **)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		assert_in_range(gap_of_a_new_life(seed, true), 0, 40 * USEC_MS);
		assert_in_range(gap_of_a_new_life(seed, false), 500 * USEC_MS, 1600 * USEC_MS);
	}
}

/* One that wants little leaves the others the rest. */
static void test_who_wants_little_holds_little(void **)
{
	struct game *g = begin(7, 2, (struct rate){1000, USEC_SECOND, 50}, false, false);
	for (int i = 0; i < 3000; i++) {
		g->players[1].wants = i % 20 == 0;
		play(g, 20 * USEC_MS);
	}
	if (getenv("DRAW_SHOW"))
		show(g, USEC_MINUTE);
	assert_true(g->worst > -0.01);
	assert_true(used(g, USEC_MINUTE) >= 85);
	free(g);
}

static void test_connections_are_held_by_one_engine_only(void **)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct account account = {};
		struct prng prng;
		struct slots slots[4];
		uint32_t open[4] = {}, alive[4] = {1, 2, 3, 4};
		uint64_t number = 0;
		bool short_of_it[4] = {};
		prng_init(&prng, seed);
		uint32_t limit = 1 + (uint32_t)prng_below(&prng, 20);
		for (int i = 0; i < 4; i++)
			slots_init(&slots[i], limit);
		for (usec now = USEC_SECOND; now < 60 * USEC_SECOND; now += 20 * USEC_MS) {
			uint32_t i = (uint32_t)prng_below(&prng, 4);
			struct draw_ask ask;
			struct draw_grant grant;
			usec at;
			bool waits = prng_below(&prng, 3) > 0;
			while (waits && slots_room(&slots[i], open[i], now) > 0)
				open[i]++;
			if (open[i] > 0 && (prng_below(&prng, 5) == 0 ||
					    slots_excess(&slots[i], open[i]) > 0))
				open[i]--;
			short_of_it[i] |= open[i] > 0;
			if (slots_are_due(&slots[i], open[i], waits, now, &at)) {
				slots_begin(&slots[i], open[i], waits, ++number, now, &ask);
				bool good = account_draw_slots(&account, i + 1, 1, &ask, alive, 4,
							       LEASE, now, &grant);
				assert_true(good);
				bool lost = prng_below(&prng, 10) == 0;
				slots_end(&slots[i], lost ? NULL : &grant, now);
			}
			assert_true(open[0] + open[1] + open[2] + open[3] <= limit);
		}
		for (int i = 0; i < 4; i++)
			assert_true(short_of_it[i]);
	}
}

static void test_connections_of_a_dead_engine_are_free(void **)
{
	struct account account = {};
	struct draw_grant grant;
	const struct draw_ask all = {.number = 1, .limit = 10, .wanted = 10};
	const uint32_t both[] = {1, 2}, second[] = {2};
	assert_true(account_draw_slots(&account, 1, 1, &all, both, 2, LEASE, USEC_SECOND, &grant));
	assert_int_equal(grant.parts, 10);
	assert_true(account_draw_slots(&account, 2, 1, &all, both, 2, LEASE, USEC_SECOND, &grant));
	assert_int_equal(grant.parts, 0);
	struct draw_ask again = all;
	again.number = 2;
	assert_true(account_draw_slots(&account, 2, 1, &again, second, 1, LEASE, USEC_SECOND, &grant));
	assert_int_equal(grant.parts, 10);
	/* The same question is not answered twice. */
	assert_false(account_draw_slots(&account, 2, 1, &again, second, 1, LEASE, USEC_SECOND, &grant));
}

/* Stopped for so long that another one has its places: what it has open ends, and none is opened
 * instead before others have let go. */
static void test_who_comes_back_opens_no_connection_above_the_limit(void **)
{
	struct account account = {};
	struct draw_grant grant;
	struct slots mine;
	const uint32_t both[] = {1, 2}, second[] = {2};
	struct draw_ask ask = {.limit = 10};
	slots_init(&mine, 10);
	slots_begin(&mine, 0, true, 1, USEC_SECOND, &ask);
	assert_true(account_draw_slots(&account, 1, 1, &ask, both, 2, LEASE, USEC_SECOND, &grant));
	slots_end(&mine, &grant, USEC_SECOND);
	assert_int_equal(slots_room(&mine, 4, USEC_SECOND), 6);
	const struct draw_ask other = {.number = 1, .limit = 10, .wanted = 10};
	usec later = 40 * USEC_SECOND;
	assert_true(account_draw_slots(&account, 2, 1, &other, second, 1, LEASE, later, &grant));
	assert_int_equal(grant.parts, 10);
	assert_int_equal(slots_room(&mine, 4, later), 0);
	for (uint32_t open = 4; open > 0; open--) {
		slots_begin(&mine, open, true, 10 - open, later, &ask);
		assert_int_equal(slots_room(&mine, open - 1, later), 0); /* nor while it asks */
		assert_true(account_draw_slots(&account, 1, 1, &ask, both, 2, LEASE, later, &grant));
		slots_end(&mine, &grant, later);
		assert_int_equal(slots_room(&mine, open - 1, later), 0);
	}
}

/* What is open when a limit comes is told at once, even if nobody waits for more; and an answer
 * about the limit of before opens nothing. */
static void test_connections_of_before_count_under_a_new_limit(void **)
{
	struct account account = {};
	struct draw_grant grant;
	struct draw_ask ask;
	struct slots mine, theirs;
	const uint32_t both[] = {1, 2};
	usec at, now = USEC_MINUTE;
	slots_init(&mine, 10);
	slots_begin(&mine, 0, true, 1, now, &ask);
	assert_true(account_draw_slots(&account, 1, 1, &ask, both, 2, LEASE, now, &grant));
	slots_set_limit(&mine, 3);
	assert_false(slots_are_due(&mine, 2, false, now, &at));
	slots_end(&mine, &grant, now);
	assert_int_equal(slots_room(&mine, 2, now), 0);
	assert_true(slots_are_due(&mine, 2, false, now, &at));
	slots_begin(&mine, 2, false, 2, now, &ask);
	assert_int_equal(ask.keeps, 2);
	assert_true(account_draw_slots(&account, 1, 1, &ask, both, 2, LEASE, now, &grant));
	slots_end(&mine, &grant, now);
	slots_init(&theirs, 3);
	slots_begin(&theirs, 0, true, 1, now, &ask);
	assert_true(account_draw_slots(&account, 2, 1, &ask, both, 2, LEASE, now, &grant));
	slots_end(&theirs, &grant, now);
	assert_int_equal(slots_room(&theirs, 0, now), 1);
	/* As many are open as it wants, and fewer are granted: it does not ask without a pause. */
	slots_begin(&theirs, 3, true, 2, now, &ask);
	assert_true(account_draw_slots(&account, 2, 1, &ask, both, 2, LEASE, now, &grant));
	slots_end(&theirs, &grant, now);
	assert_false(slots_are_due(&theirs, 3, true, now + USEC_MS, &at));
	assert_int_equal(at, now + 200 * USEC_MS);
}

/* Others give its places away when its lease is over, however short that is: by then it opens
 * none without having asked again, by its own clock, which may be a little slow. */
static void test_connections_are_opened_within_the_lease(void **)
{
	static const usec leases[] = {USEC_SECOND, 3 * USEC_SECOND, 30 * USEC_SECOND, USEC_HOUR};
	const uint32_t both[] = {1, 2};
	for (size_t i = 0; i < sizeof(leases) / sizeof(leases[0]); i++) {
		struct account account = {};
		struct draw_grant grant;
		struct draw_ask ask;
		struct slots mine;
		usec asked = USEC_SECOND, latest = asked + leases[i] - leases[i] / 1000;
		slots_init(&mine, 10);
		slots_begin(&mine, 0, true, 1, asked, &ask);
		assert_true(account_draw_slots(&account, 1, 1, &ask, both, 2, leases[i], asked,
					       &grant));
		slots_end(&mine, &grant, asked + 100 * USEC_MS);
		assert_int_equal(slots_room(&mine, 0, latest - 1), 10);
		assert_int_equal(slots_room(&mine, 0, latest), 0);
		slots_begin(&mine, 0, true, 2, latest, &ask);
		assert_true(account_draw_slots(&account, 1, 1, &ask, both, 2, -1, latest, &grant));
		slots_end(&mine, &grant, latest); /* it counts as gone, and knows */
		assert_int_equal(slots_room(&mine, 0, latest), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draws_never_exceed_their_limit_whatever_happens),
		cmocka_unit_test(test_who_has_ended_for_certain_holds_nothing),
		cmocka_unit_test(test_an_engine_alone_loses_nothing),
		cmocka_unit_test(test_engines_share_a_limit_evenly),
		cmocka_unit_test(test_who_wants_little_holds_little),
		cmocka_unit_test(test_connections_are_held_by_one_engine_only),
		cmocka_unit_test(test_connections_of_a_dead_engine_are_free),
		cmocka_unit_test(test_connections_of_before_count_under_a_new_limit),
		cmocka_unit_test(test_connections_are_opened_within_the_lease),
		cmocka_unit_test(test_who_comes_back_opens_no_connection_above_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
