/* test_store_storm.c - a ledger that goes by the position loses nothing and writes nothing
 * twice, however often its connection is killed, before, in and after its commits. */
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>

#include "engine/base/prng.h"
#include "engine/io/clock.h"
#include "engine/store/store.h"
#include "tests/unit/live_db.h"

#define BATCHES 60
#define BATCH_SIZE 40

static struct store *store;
static atomic_bool over;
static atomic_uint kills;

static void done(struct store_request *r)
{
	(void)r;
}

/* Kills the ledger's session every few milliseconds. */
static void *killer(void *)
{
	PGconn *conn = PQconnectdb(live_conninfo);
	struct prng chance;
	prng_init(&chance, 7);
	while (!atomic_load(&over)) {
		usleep((useconds_t)prng_below(&chance, 20000));
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

static struct store_outcome outcome_of(uint64_t n, usec now)
{
	return (struct store_outcome){.campaign_id = 5,
				      .slice_id = n / 1000 + 1,
				      .subscriber_id = n + 1,
				      .verdict = n % 10 ? VERDICT_DELIVERED : VERDICT_DEFERRED,
				      .final = n % 10,
				      .cause = "x",
				      .attempt = 1,
				      .at_wall = now,
				      .due_wall = now,
				      .provider = STR("p"),
				      .text = STR("t")};
}

static unsigned lost, asked;

static uint64_t ask_position(uint32_t engine_id, uint32_t epoch)
{
	struct store_position r = {
		.request.on_done = done, .engine_id = engine_id, .epoch = epoch};
	for (unsigned tries = 0; tries < 1000; tries++) {
		asked++;
		store_position(store, &r);
		if (r.request.result == STORE_OK)
			return r.ret_position;
		assert_int_equal(r.request.result, STORE_LOST);
	}
	fail_msg("the database never came back");
	return 0;
}

/* The ledger's rule: after a lost answer the position tells whether the batch is in. */
static void settle_surely(uint32_t engine_id, uint32_t epoch, uint64_t batch)
{
	struct store_outcome outcomes[BATCH_SIZE];
	const struct store_outcome *pointers[BATCH_SIZE];
	for (uint64_t i = 0; i < BATCH_SIZE; i++) {
		outcomes[i] = outcome_of(batch * BATCH_SIZE + i, clock_wall());
		pointers[i] = &outcomes[i];
	}
	for (unsigned tries = 0; tries < 1000; tries++) {
		struct store_settle r = {.request.on_done = done,
					 .engine_id = engine_id,
					 .epoch = epoch,
					 .outcomes = pointers,
					 .count = BATCH_SIZE,
					 .old_position = batch,
					 .new_position = batch + 1};
		store_settle(store, &r);
		if (r.request.result == STORE_OK)
			return;
		assert_int_equal(r.request.result, STORE_LOST);
		lost++;
		uint64_t position = ask_position(engine_id, epoch);
		if (position == batch + 1)
			return;
		assert_int_equal(position, batch);
	}
	fail_msg("a batch never came in");
}

static struct store_join join(void)
{
	struct store_join r = {.request.on_done = done, .name = STR("storm")};
	store_join(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static void test_store_settles_each_batch_once_in_a_storm(void **)
{
	char why[256];
	pthread_t thread;
	struct store_config config = {.conninfo = live_conninfo,
				      .application = "rundbrief storm"};
	assert_int_equal(live_exec(live_admin,
				   "insert into campaigns (tenant_id, id, name, state) values "
				   "(1, 5, 'storm', 1); select campaign_partition(5)"),
			 0);
	assert_int_equal(store_open(&store, NULL, &config, why, sizeof(why)), 0);
	struct store_join me = join();
	pthread_create(&thread, NULL, killer, NULL);
	for (uint64_t batch = 0; batch < BATCHES; batch++)
		settle_surely(me.ret_engine_id, me.ret_epoch, batch);
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	assert_int_equal(ask_position(me.ret_engine_id, me.ret_epoch), BATCHES);
	store_close(store);
	assert_true(kills > 5);
	assert_true(lost > 0 && asked >= lost);
	assert_int_equal(atoi(live_value("select count(*) from deliveries")),
			 BATCHES * BATCH_SIZE);
	assert_int_equal(
		atoi(live_value("select count(distinct subscriber_id) from deliveries")),
		BATCHES * BATCH_SIZE);
	assert_int_equal(atoi(live_value("select sum(count) from tallies")),
			 BATCHES * BATCH_SIZE);
	assert_int_equal(atoi(live_value("select count(*) from deferrals")),
			 BATCHES * BATCH_SIZE / 10);
}

static void test_store_settle_lets_go_of_deleted_campaigns(void **)
{
	char why[256];
	struct store_config config = {.conninfo = live_conninfo};
	struct store_outcome outcomes[2] = {outcome_of(1, 1), outcome_of(999999, 1)};
	const struct store_outcome *pointers[2] = {&outcomes[0], &outcomes[1]};
	outcomes[0].campaign_id = 6; /* there is none */
	assert_int_equal(store_open(&store, NULL, &config, why, sizeof(why)), 0);
	struct store_join me = join();
	struct store_settle r = {.request.on_done = done,
				 .engine_id = me.ret_engine_id,
				 .epoch = me.ret_epoch,
				 .outcomes = pointers,
				 .count = 2,
				 .old_position = me.ret_position,
				 .new_position = me.ret_position + 1};
	store_settle(store, &r);
	assert_string_equal(r.request.why, "");
	assert_string_equal(
		live_value("select count(*) from deliveries where subscriber_id = 1000000"),
		"1");
	assert_string_equal(live_value("select count(*) from deliveries where campaign_id = 6"),
			    "0");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_settles_each_batch_once_in_a_storm),
		cmocka_unit_test(test_store_settle_lets_go_of_deleted_campaigns),
	};
	return cmocka_run_group_tests_name("store storm", tests, live_setup, live_teardown);
}
