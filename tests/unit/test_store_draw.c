/* test_store_draw.c - limits that engines share, on a real PostgreSQL: several connections draw
 * from one account at the same time, and what they start together fits into one bucket. */
#include "tests/unit/store_flow.h"

#include <pthread.h>
#include <unistd.h>

#include "engine/shape/account.h"
#include "engine/shape/quota.h"

#define ENGINES 4
#define RUN_TIME (3 * USEC_SECOND)
#define STARTS_LIMIT 100000

static void forget_accounts(void)
{
	assert_int_equal(live_exec(live_admin, "truncate draw_accounts"), 0);
}

static struct store_draw_row ask(uint32_t engine, uint32_t kind, struct draw_ask what)
{
	struct store_draw_row row = {.account = STR("limit one"), .kind = kind, .ask = what};
	struct store_draw_row *rows[] = {&row};
	struct store_draw r = {.request.on_done = done,
			       .engine_id = engine,
			       .epoch = 1,
			       .rows = rows,
			       .count = 1};
	store_draw(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return row;
}

static const struct rate hundred = {100, USEC_SECOND, 6};

static void test_store_draw_gives_parts_and_keeps_them(void **)
{
	forget_accounts();
	struct draw_ask what = {.number = 1, .rate = hundred, .wanted = DRAW_THOUSAND};
	struct store_draw_row row = ask(1, QUOTA_MESSAGES, what);
	assert_true(row.ret_drawn);
	assert_int_equal(row.ret_grant.parts, 6);
	assert_int_equal(row.ret_grant.level, 6 * BUCKET_CELL);
	/* The same question again, perhaps late: nothing. */
	assert_false(ask(1, QUOTA_MESSAGES, what).ret_drawn);
	row = ask(2, QUOTA_MESSAGES, what);
	assert_true(row.ret_drawn);
	assert_int_equal(row.ret_grant.parts, 0);
	assert_true(row.ret_grant.again_in > 0);
	what.number = 2;
	what.keeps = 6;
	row = ask(1, QUOTA_MESSAGES, what);
	assert_int_equal(row.ret_grant.parts, 3);
	what.keeps = 3;
	what.number = 3;
	row = ask(1, QUOTA_MESSAGES, what);
	what.keeps = 0;
	row = ask(2, QUOTA_MESSAGES, what);
	assert_int_equal(row.ret_grant.parts, 3);
	assert_int_equal(number("select count(*) from draw_accounts"), 1);
	assert_int_equal(number("select version from draw_accounts"), 5);
}

static void test_store_draw_gives_connections_of_the_dead_to_the_living(void **)
{
	forget_accounts();
	join();
	struct draw_ask what = {.number = 1, .limit = 5, .wanted = 5};
	assert_int_equal(ask(77, QUOTA_SLOTS, what).ret_grant.parts, 5);
	/* 77 is no engine that anybody has heard of. */
	assert_int_equal(ask(engine_id, QUOTA_SLOTS, what).ret_grant.parts, 5);
	what.number = 2;
	assert_int_equal(ask(77, QUOTA_SLOTS, what).ret_grant.parts, 0);
	assert_int_equal(live_exec(live_admin, "update engines set heartbeat_at = now() - "
					       "interval '31 seconds'"),
			 0);
	what.number = 3;
	assert_int_equal(ask(77, QUOTA_SLOTS, what).ret_grant.parts, 5);
}

/* ---- many at once ---- */

struct player {
	pthread_t thread;
	uint32_t engine;
	const struct rate *rate;
	usec *starts;
	size_t count, draws, misses;
};

static void draw_one(struct player *p, struct store *own, struct draw *d, uint64_t *number)
{
	struct store_draw_row row = {.account = STR("limit storm"), .kind = QUOTA_MESSAGES};
	struct store_draw_row *rows[] = {&row};
	struct store_draw r = {.request.on_done = quiet,
			       .engine_id = p->engine,
			       .epoch = 1,
			       .rows = rows,
			       .count = 1};
	draw_begin(d, true, ++*number, clock_now(), &row.ask);
	store_draw(own, &r);
	p->draws++;
	p->misses += !row.ret_drawn;
	bool lost = *number % 13 == 0;
	draw_end(d, row.ret_drawn && !lost ? &row.ret_grant : NULL, clock_now());
}

static void *play(void *context)
{
	struct player *p = context;
	char why[256];
	struct store *own;
	struct store_config config = {.conninfo = live_conninfo};
	struct draw d;
	uint64_t number = 0;
	usec at, end = clock_now() + RUN_TIME;
	if (store_open(&own, NULL, &config, why, sizeof(why)) != 0)
		return NULL;
	draw_init(&d, *p->rate, false, clock_now());
	for (usec now; (now = clock_now()) < end; usleep(500)) {
		while (draw_room(&d, 1, now) > 0 && p->count < STARTS_LIMIT) {
			draw_take(&d, 1, now);
			p->starts[p->count++] = now;
		}
		if (draw_is_due(&d, true, now, &at))
			draw_one(p, own, &d, &number);
		if (p->engine == 1 && number % 7 == 3)
			usleep(40000); /* now and then somebody sleeps */
	}
	store_close(own);
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	usec x = *(const usec *)a, y = *(const usec *)b;
	return x < y ? -1 : x > y;
}

/* How far the worst window goes beyond what the limit lets pass in it. */
static double worst_of(const usec *starts, size_t count, const struct rate *rate)
{
	double level = rate->burst, worst = rate->burst;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			level += (double)(starts[i] - starts[i - 1]) * rate->count /
				 (double)rate->per;
		level = level < rate->burst ? level : rate->burst;
		level -= 1;
		worst = level < worst ? level : worst;
	}
	return worst;
}

static void storm(const struct rate *rate)
{
	static struct player players[ENGINES];
	static usec all[ENGINES * STARTS_LIMIT];
	size_t count = 0, draws = 0, misses = 0;
	forget_accounts();
	for (uint32_t i = 0; i < ENGINES; i++) {
		players[i] = (struct player){.engine = i + 1, .rate = rate};
		players[i].starts = calloc(STARTS_LIMIT, sizeof(usec));
		assert_non_null(players[i].starts);
		assert_int_equal(pthread_create(&players[i].thread, NULL, play, &players[i]), 0);
	}
	for (uint32_t i = 0; i < ENGINES; i++) {
		pthread_join(players[i].thread, NULL);
		memcpy(all + count, players[i].starts, players[i].count * sizeof(usec));
		count += players[i].count;
		draws += players[i].draws;
		misses += players[i].misses;
		free(players[i].starts);
	}
	qsort(all, count, sizeof(usec), by_time);
	double worst = worst_of(all, count, rate);
	printf("%u/s,burst=%u, %d engines: %zu started in 3 s, %zu draws, %zu in vain, worst "
	       "window %.2f below the limit\n",
	       rate->count, rate->burst, ENGINES, count, draws, misses, worst);
	assert_true(worst > -0.02);
	assert_true(count > 0 && draws > 0);
}

static void test_store_draws_of_many_engines_fit_into_one_limit(void **)
{
	const struct rate fast = {2000, USEC_SECOND, 100}, slow = {20, USEC_SECOND, 1};
	storm(&fast);
	storm(&slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_draw_gives_parts_and_keeps_them),
		cmocka_unit_test(test_store_draw_gives_connections_of_the_dead_to_the_living),
		cmocka_unit_test(test_store_draws_of_many_engines_fit_into_one_limit),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
