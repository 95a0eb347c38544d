/* test_store_outbox_storm.c - an engine that claims transactional mail gets every row once, and
 * loses none, however often its connection is killed, before, in and after its commits. */
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>

#include "engine/base/prng.h"
#include "engine/io/heap.h"
#include "engine/store/outbox.h"
#include "tests/unit/live_db.h"

#define ROW_COUNT 600
#define CLAIM_LIMIT 20
#define TRY_LIMIT 5000

static atomic_bool over;
static atomic_uint kills;
/* Between kills: longer after a claim that was lost, shorter after one that was answered, so
 * that about half of them live, however slow the machine is. */
static atomic_uint pause_usec = 4000;

static void done(struct store_request *r)
{
	(void)r;
}

static void *killer(void *)
{
	PGconn *conn = PQconnectdb(live_conninfo);
	struct prng chance;
	prng_init(&chance, 11);
	while (!atomic_load(&over)) {
		usleep((useconds_t)prng_below(&chance, 2 * atomic_load(&pause_usec)));
		PGresult *result =
			PQexec(conn, "select pg_terminate_backend(pid) from pg_stat_activity "
				     "where application_name = 'rundbrief storm' and datname = "
				     "current_database()");
		kills += (unsigned)PQntuples(result);
		PQclear(result);
	}
	PQfinish(conn);
	return NULL;
}

static struct store_join join(struct store *store)
{
	struct store_join r = {.request.on_done = done, .name = STR("storm")};
	store_join(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static uint8_t seen[ROW_COUNT];
static size_t seen_count, slice_count, lost;

static void note(const struct store_claim_outbox *r)
{
	slice_count++;
	assert_in_range(r->ret_count, 1, CLAIM_LIMIT);
	for (size_t i = 0; i < r->ret_count; i++) {
		const struct store_recipient *to = &r->ret_recipients[i];
		uint64_t at = to->subscriber_id - STORE_OUTBOX_FIRST_ID;
		char address[40];
		assert_in_range(at, 0, ROW_COUNT - 1);
		assert_int_equal(seen[at]++, 0);
		seen_count++;
		snprintf(address, sizeof(address), "r%llu@example.com",
			 (unsigned long long)at + 1);
		assert_true(str_eq(to->email, str_of(address)));
		assert_true(str_eq(to->fields[0],
				   str_sub(str_of(address), 1, strlen(address) - 13)));
	}
}

static void claim_all(struct store *store, const struct store_join *me)
{
	const str fields[] = {STR("n")};
	const struct store_outbox_template template = {5, fields, 1};
	struct arena arena;
	arena_init(&arena, heap_source(), 0, 0);
	for (unsigned tries = 0; seen_count < ROW_COUNT; tries++) {
		struct store_claim_outbox r = {.request.on_done = done,
					       .engine_id = me->ret_engine_id,
					       .epoch = me->ret_epoch,
					       .templates = &template,
					       .template_count = 1,
					       .limit = CLAIM_LIMIT,
					       .arena = &arena};
		assert_in_range(tries, 0, TRY_LIMIT);
		arena_reset(&arena);
		store_claim_outbox(store, &r);
		bool is_lost = r.request.result == STORE_LOST;
		unsigned pause = atomic_load(&pause_usec);
		lost += is_lost;
		atomic_store(&pause_usec, 1000 + (is_lost ? pause * 5 / 4 : pause * 4 / 5));
		if (r.request.result == STORE_OK && r.ret_slice_id)
			note(&r);
		else
			assert_true(r.request.result == STORE_OK ||
				    r.request.result == STORE_LOST);
	}
	arena_done(&arena);
}

static void test_outbox_gives_each_row_once_in_a_storm(void **)
{
	char why[256];
	pthread_t thread;
	struct store *store;
	struct store_config config = {.conninfo = live_conninfo,
				      .application = "rundbrief storm"};
	assert_int_equal(
		live_exec(live_admin,
			  "insert into campaigns (tenant_id, id, name, state, kind) values "
			  "(1, 5, 'storm', 1, 1); select campaign_partition(5);"
			  "insert into outbox (template, address, attributes) select 'storm', "
			  "'r' || n || '@example.com', jsonb_build_object('n', n) from "
			  "generate_series(1, 600) n"),
		0);
	assert_int_equal(store_open(&store, NULL, &config, why, sizeof(why)), 0);
	struct store_join me = join(store);
	pthread_create(&thread, NULL, killer, NULL);
	claim_all(store, &me);
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	store_close(store);
	assert_true(kills > 5);
	assert_true(lost > 0);
	assert_int_equal(atoi(live_value("select count(*) from slices")), (int)slice_count);
	assert_int_equal(atoi(live_value("select sum(count) from slices")), ROW_COUNT);
	assert_int_equal(atoi(live_value("select count(*) from start_marks")),
			 (int)slice_count);
	assert_string_equal(live_value("select count(*) from outbox where state <> 1"), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outbox_gives_each_row_once_in_a_storm),
	};
	return cmocka_run_group_tests_name("store outbox storm", tests, live_setup,
					   live_teardown);
}
